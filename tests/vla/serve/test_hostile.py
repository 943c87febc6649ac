"""Rubbish, by the frame and by the connection: the server stays up, small, and unimpressed."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator

import msgpack
import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vla.serve.by_hand import BINARY, CLOSE, CONTINUATION, TEXT, ByHand, frame, pack
from tests.vla.serve.tiny import SUBGOAL, TOKEN, Served, expected, observation, request, serving
from vla.serve.server import Limits

FAST = Limits(max_rate=1e9)
GROWTH = 30e6
"""Memory that a run may take for good [bytes]."""


def mutated(dice: random.Random, whole: bytes) -> bytes:
    """Return a damaged request: cut, with bytes changed, with parts repeated, or nothing but noise."""
    match dice.randrange(4):
        case 0:
            return whole[: dice.randrange(len(whole))]
        case 1:
            damaged = bytearray(whole)
            for _ in range(dice.randint(1, 8)):
                damaged[dice.randrange(len(damaged))] = dice.randrange(256)
            return bytes(damaged)
        case 2:
            start, end = sorted(dice.randrange(len(whole)) for _ in range(2))
            return whole[:end] + whole[start:]
    return dice.randbytes(dice.randrange(64))


def bombard(frames: int, seed: int) -> None:
    """Send damaged requests in bursts; each is answered, and honest ones between them are served right."""
    dice, burst = random.Random(seed), 50
    process = psutil.Process()
    with serving(FAST) as served, ByHand(served.port) as client:
        client.receive()
        whole = pack(request())
        before = 0
        for index in range(frames // burst):
            payloads = [mutated(dice, whole) for _ in range(burst)]
            client.socket.sendall(b"".join(frame(BINARY, payload) for payload in payloads))
            for _ in payloads:
                opcode, reply = client.receive()
                assert opcode in (BINARY, TEXT)
                assert opcode == BINARY or (reply and b"Traceback" not in reply)
            if index == frames // burst // 10:
                before = process.memory_info().rss
        assert process.memory_info().rss - before < GROWTH
        reply = msgpack.unpackb(client.ask(request(5))[1])["actions"]
        np.testing.assert_array_equal(
            np.frombuffer(reply[b"data"], np.float32).reshape(8, 2), expected(observation(5), SUBGOAL)
        )
        assert served.requests("refused") > 0.5 * frames
        assert served.requests("failed") == 0


def test_damaged_requests_are_refused() -> None:
    bombard(1_000, seed=0)


@pytest.mark.slow
def test_a_hundred_thousand_damaged_requests_leave_no_trace() -> None:
    bombard(100_000, seed=1)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(FAST) as one:
        yield one


@settings(max_examples=60, deadline=None)
@given(
    key=st.sampled_from(["observation.state", "observation.images.front", "observation.goal", "task"]),
    value=st.one_of(
        st.none(),
        st.integers(-(2**63), 2**63 - 1),
        st.text(max_size=5),
        st.lists(st.floats(), max_size=3),
        st.builds(
            lambda dtype, shape, data: {b"__ndarray__": True, b"data": data, b"dtype": dtype, b"shape": shape},
            st.sampled_from(["|O", "<f4", "|u1", "<U1", "<f8", "|V4"]),
            st.lists(st.integers(-1, 2**40), max_size=4),
            st.binary(max_size=32),
        ),
    ),
)
def test_a_wrong_value_under_any_key_is_refused(served: Served, key: str, value: object) -> None:
    with ByHand(served.port) as client:
        client.receive()
        opcode, reply = client.ask(request() | {key: value})
        is_text = key == "task" and isinstance(value, str)
        assert opcode == (BINARY if is_text else TEXT), reply


def test_bytes_that_are_no_websocket_frames_end_the_connection_only() -> None:
    dice = random.Random(2)
    with serving(token=TOKEN, limits=FAST) as served:
        for _ in range(30):
            with ByHand(served.port, f"Bearer {TOKEN}") as client:
                client.receive()
                client.socket.sendall(dice.randbytes(200))
        for _ in range(30):
            with socket.create_connection(("127.0.0.1", served.port)) as raw:
                raw.sendall(dice.randbytes(200) + b"\r\n\r\n")
        deadline = time.monotonic() + 10
        while served.clients() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert served.clients() == 0
        assert served.policy.batches == []
        with ByHand(served.port, f"Bearer {TOKEN}") as client:
            client.receive()
            assert client.ask(request())[0] == BINARY


def test_a_message_without_an_end_is_cut_off() -> None:
    with serving(FAST) as served, ByHand(served.port) as client:
        client.receive()
        client.socket.sendall(frame(BINARY, bytes(1000), final=False))
        client.socket.sendall(frame(CONTINUATION, bytes(1000), final=False) * 50)
        opcode, payload = client.receive()
        assert opcode == CLOSE
        assert int.from_bytes(payload[:2], "big") == 1009
        assert served.policy.batches == []
