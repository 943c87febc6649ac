"""The robot's side of the link."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from websockets.sync.server import ServerConnection, serve

from tests.vla.serve.by_hand import pack
from tests.vla.serve.tiny import SPEC, SUBGOAL, TOKEN, expected, observation, serving
from vla.errors import ConfigError, LinkError, ProtocolError
from vla.serve.client import Endpoint, RemotePolicy
from vla.serve.server import Limits
from vla.types import Observation, Policy

ACTIONS = np.zeros((4, 2), np.float32)


@contextmanager
def answering(*messages: Any) -> Iterator[str]:
    """A server that greets with the first message, and answers every request with the next one."""

    def handle(connection: ServerConnection) -> None:
        for message in messages:
            connection.send(message)
            connection.recv()

    with serve(handle, "127.0.0.1", 0, compression=None) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()


def test_it_is_a_policy() -> None:
    with serving() as served:
        policy = RemotePolicy(Endpoint(served.url))
        assert isinstance(policy, Policy)
        assert policy.n_action_steps == SPEC.n_action_steps
        assert policy.spec == SPEC
        policy.reset()
        chunk = policy.predict_chunk(observation(3, time=1.5), SUBGOAL)
        assert chunk.start_time == 1.5
        assert chunk.actions.dtype == np.float32
        np.testing.assert_array_equal(chunk.actions, expected(observation(3), SUBGOAL))
        assert policy.ping(5.0)
        policy.close()
        assert RemotePolicy(Endpoint(served.url), n_action_steps=2).n_action_steps == 2


def test_cameras_that_the_policy_does_not_want_stay_at_home() -> None:
    with serving() as served:
        seen = observation()
        more = Observation({**seen.images, "top": np.zeros((9, 9, 3), np.uint8)}, seen.state, 0.0)
        policy = RemotePolicy(Endpoint(served.url))
        np.testing.assert_array_equal(policy.predict_chunk(more, SUBGOAL).actions, expected(seen, SUBGOAL))
        policy.close()


def test_the_token_is_sent_and_never_shown() -> None:
    with serving(token=TOKEN) as served:
        RemotePolicy(Endpoint(served.url, TOKEN)).close()
        with pytest.raises(LinkError, match=r"does not let us in: a wrong token, or none \(HTTP 401\)"):
            RemotePolicy(Endpoint(served.url, "another-token-that-is-long"))
        with pytest.raises(LinkError, match="HTTP 401"):
            RemotePolicy(Endpoint(served.url))
    assert TOKEN not in repr(Endpoint("ws://x", TOKEN))


def test_no_server_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(LinkError, match=f"no policy server at {url}: Connection refused"):
        RemotePolicy(Endpoint(url))
    for wrong in ("ws://", "http://localhost:80", "ws://localhost:port"):
        with pytest.raises(ConfigError, match="valid: ws://host:port"):
            RemotePolicy(Endpoint(wrong))


def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(LinkError, match="no policy server at"):
            RemotePolicy(Endpoint(url, connect_timeout=0.3))
        assert time.monotonic() - started < 5.0


@pytest.mark.parametrize(
    ("greeting", "message"),
    [
        ("hello", "says 'hello' instead"),
        (pack({"model": "another"}), "is it `vla serve`"),
        (b"\xc1", "not a msgpack message"),
    ],
)
def test_another_kind_of_server_is_named(greeting: Any, message: str) -> None:
    with answering(greeting) as url, pytest.raises(ProtocolError, match=message):
        RemotePolicy(Endpoint(url))


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ("cannot see", "refuses: cannot see"),
        (b"\xc1", "not a msgpack message"),
        (pack([1, 2]), r"finite actions of shape \(T, 2\)"),
        (pack({}), "finite actions"),
        (pack({"actions": [[1.0, 2.0]]}), "finite actions"),
        (pack({"actions": ACTIONS[:, :1]}), "finite actions"),
        (pack({"actions": ACTIONS[:0]}), "finite actions"),
        (pack({"actions": ACTIONS[0]}), "finite actions"),
        (pack({"actions": ACTIONS * np.nan}), "finite actions"),
        (pack({"actions": ACTIONS.astype(np.int32)}), "finite actions"),
    ],
)
def test_what_is_no_chunk_never_reaches_the_arm(reply: Any, message: str) -> None:
    with answering(pack(SPEC.to_metadata()), reply) as url:
        policy = RemotePolicy(Endpoint(url))
        with pytest.raises(ProtocolError, match=message):
            policy.predict_chunk(observation(), SUBGOAL)
        policy.close()


def test_a_late_answer_is_not_taken_for_the_next_one() -> None:
    with serving() as served:
        policy = RemotePolicy(Endpoint(served.url, read_timeout=0.2))
        served.policy.gate.clear()
        with pytest.raises(LinkError, match=r"has not answered for 0\.2 s"):
            policy.predict_chunk(observation(0), SUBGOAL)
        served.policy.gate.set()
        policy._endpoint = Endpoint(served.url, read_timeout=20.0)
        np.testing.assert_array_equal(
            policy.predict_chunk(observation(1), SUBGOAL).actions, expected(observation(1), SUBGOAL)
        )
        policy.close()


def test_a_link_that_was_lost_is_made_again() -> None:
    with serving() as served:
        policy, port = RemotePolicy(Endpoint(served.url)), served.port
    with pytest.raises(LinkError, match="lost the link"):
        policy.ping(1.0)
    with pytest.raises(LinkError, match="no policy server"):
        policy.predict_chunk(observation(), SUBGOAL)
    with serving(port=port):
        assert policy.ping(5.0)
        assert len(policy.predict_chunk(observation(), SUBGOAL).actions) == 8
        policy.close()
        with pytest.raises(LinkError, match="has been closed"):
            policy.predict_chunk(observation(), SUBGOAL)


def test_another_policy_at_the_same_address_is_noticed() -> None:
    other = dict(SPEC.to_metadata(), policy="another")
    with serving() as served:
        policy = RemotePolicy(Endpoint(served.url))
    with answering(pack(other)) as url:
        policy._endpoint = Endpoint(url)
        policy.drop()
        with pytest.raises(LinkError, match="now serves another policy: another"):
            policy.predict_chunk(observation(), SUBGOAL)


def test_a_server_that_is_too_busy_says_so() -> None:
    with serving(Limits(max_clients=1)) as served:
        first = RemotePolicy(Endpoint(served.url))
        with pytest.raises(LinkError, match=r"1 clients are connected already \(HTTP 503\)"):
            RemotePolicy(Endpoint(served.url))
        first.close()
