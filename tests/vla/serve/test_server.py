"""The server as its clients see it, through a client that knows only the published protocol."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import msgpack
import numpy as np
import pytest

from tests.vla.serve.by_hand import BINARY, CLOSE, TEXT, ByHand, frame, pack
from tests.vla.serve.tiny import SPEC, SUBGOAL, TOKEN, expected, observation, request, serving
from vla.errors import CheckpointError, ConfigError
from vla.serve.access import client_tls, server_tls
from vla.serve.client import Endpoint, RemotePolicy
from vla.serve.server import Limits


def actions(payload: bytes) -> np.ndarray:
    """Return the actions in a reply, read without our code."""
    array = msgpack.unpackb(payload)["actions"]
    assert array[b"__ndarray__"] is True
    return np.frombuffer(array[b"data"], array[b"dtype"]).reshape(array[b"shape"])


def get(url: str, **headers: str) -> tuple[int, str, str]:
    """Return status, body and content type."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as reply:
            return reply.status, reply.read().decode(), reply.headers["Content-Type"]
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers["Content-Type"]


def test_metadata_come_first_then_an_answer_a_request() -> None:
    with serving() as served, ByHand(served.port) as client:
        assert client.status == 101
        opcode, greeting = client.receive()
        assert opcode == BINARY
        assert msgpack.unpackb(greeting) == SPEC.to_metadata()
        for seed in range(3):
            opcode, reply = client.ask(request(seed))
            assert opcode == BINARY
            np.testing.assert_array_equal(actions(reply), expected(observation(seed), SUBGOAL))
            timing = msgpack.unpackb(reply)["server_timing"]
            assert timing["infer_ms"] >= 0
            assert timing["batch"] == 1
            assert ("prev_total_ms" in timing) == (seed > 0)


def test_a_wrong_request_is_answered_with_words_and_the_next_one_is_served() -> None:
    with serving() as served, ByHand(served.port) as client:
        client.receive()
        for payload, message in (
            (pack(request(observation__state=None)), "observation.state missing"),
            (b"\xc1 no message", "not a msgpack message"),
            (pack({"x": np.array([1j])}), "dtype '<c16'"),
            (b"", "not a msgpack message"),
        ):
            client.send(payload)
            opcode, reply = client.receive()
            assert opcode == TEXT
            assert message in reply.decode()
            assert "Traceback" not in reply.decode()
        client.send(b"hello", TEXT)
        assert client.receive() == (TEXT, b"a request is a binary msgpack message; got text")
        assert client.ask(request())[0] == BINARY
        assert (served.requests("refused"), served.requests("answered")) == (5, 1)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (CheckpointError("the policy wants a nose"), "the policy failed: the policy wants a nose"),
        (ZeroDivisionError("secret/path.py"), "the policy failed: ZeroDivisionError"),
    ],
)
def test_a_policy_that_fails_is_reported_without_a_trace(error: Exception, message: str) -> None:
    with serving() as served, ByHand(served.port) as client:
        client.receive()
        served.policy.error = error
        assert client.ask(request()) == (TEXT, message.encode())
        served.policy.error = None
        assert client.ask(request())[0] == BINARY
        assert served.requests("failed") == 1


@pytest.mark.parametrize("authorization", [None, "Api-Key wrong", f"Basic {TOKEN}", f"Api-Key {TOKEN} x"])
def test_without_the_token_there_is_no_inference(authorization: str | None) -> None:
    with serving(token=TOKEN) as served, ByHand(served.port, authorization) as client:
        assert client.status == 401
        with pytest.raises((EOFError, OSError)):
            client._take(10_000)
        assert served.policy.batches == []
        assert served.server.metrics.value("vla_serve_rejections_total", cause="token") == 1


@pytest.mark.parametrize("scheme", ["Api-Key", "Bearer"])
def test_the_token_admits(scheme: str) -> None:
    with serving(token=TOKEN) as served, ByHand(served.port, f"{scheme} {TOKEN}") as client:
        client.receive()
        assert client.ask(request())[0] == BINARY


def test_nobody_listens_beyond_this_machine_without_a_token() -> None:
    with pytest.raises(ConfigError, match=r"host=0\.0\.0\.0 is open to other machines"), serving(host="0.0.0.0"):
        pass
    with serving(host="0.0.0.0", token=TOKEN) as served, ByHand(served.port, f"Bearer {TOKEN}") as client:
        assert client.status == 101


def test_a_port_in_use_is_named() -> None:
    with serving() as served, pytest.raises(ConfigError, match=f"port={served.port}"), serving(port=served.port):
        pass


def test_a_web_page_in_a_browser_is_turned_away() -> None:
    with serving() as served, ByHand(served.port, extra="Origin: http://localhost\r\n") as client:
        assert client.status == 403


def test_health_and_metrics() -> None:
    with serving(token=TOKEN) as served:
        base = f"http://127.0.0.1:{served.port}"
        assert get(f"{base}/healthz")[:2] == (200, "OK\n")
        assert get(f"{base}/metrics")[0] == 401
        assert get(f"{base}/secrets")[:2] == (404, "no /secrets here; valid: /, /healthz, /metrics\n")
        with ByHand(served.port, f"Api-Key {TOKEN}") as client:
            client.receive()
            client.ask(request())
            status, text, kind = get(f"{base}/metrics", Authorization=f"Bearer {TOKEN}")
        assert status == 200
        assert kind.startswith("text/plain; version=")
        lines = text.splitlines()
        assert 'vla_serve_requests_total{outcome="answered"} 1.0' in lines
        assert "vla_serve_clients 1.0" in lines
        assert "vla_serve_batch_size_sum 1.0" in lines
        assert TOKEN not in text


def test_too_many_clients_are_turned_away_until_one_leaves() -> None:
    with serving(Limits(max_clients=2)) as served:
        with ByHand(served.port) as first, ByHand(served.port) as second:
            first.receive()
            second.receive()
            with ByHand(served.port) as third:
                assert third.status == 503
            assert get(f"http://127.0.0.1:{served.port}/healthz")[0] == 200
        while served.clients():
            time.sleep(0.01)
        with ByHand(served.port) as again:
            assert again.status == 101


def test_too_many_requests_a_second_are_refused() -> None:
    with serving(Limits(max_rate=5)) as served, ByHand(served.port) as client:
        client.receive()
        replies = [client.ask(request()) for _ in range(12)]
        assert [opcode for opcode, _ in replies[:5]] == [BINARY] * 5
        assert (TEXT, b"more than 5 requests a second") in replies
        time.sleep(0.5)
        assert client.ask(request())[0] == BINARY


def test_a_request_that_is_too_large_ends_the_connection() -> None:
    with serving() as served, ByHand(served.port) as client:
        client.receive()
        client.send(bytes(SPEC.request_bytes + 20_000))
        opcode, payload = client.receive()
        assert opcode == CLOSE
        assert int.from_bytes(payload[:2], "big") == 1009
        assert served.policy.batches == []


def test_a_client_that_asks_nothing_is_disconnected() -> None:
    with serving(Limits(idle_timeout=0.3)) as served, ByHand(served.port) as client:
        client.receive()
        opcode, payload = client.receive()
        assert opcode == CLOSE
        assert payload[2:] == b"no request for 0.3 s"


def test_a_client_that_does_not_take_its_answers_is_disconnected() -> None:
    with serving(Limits(send_timeout=0.3, max_rate=1e9, idle_timeout=60)) as served, ByHand(served.port) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deadline = time.monotonic() + 30
        with pytest.raises(OSError):
            while time.monotonic() < deadline:
                client.socket.sendall(frame(BINARY, b"") * 1000)
        assert time.monotonic() < deadline


def test_handshakes_that_are_never_finished_do_not_pile_up() -> None:
    with serving(Limits(open_timeout=0.5, max_clients=2)) as served:
        half_open = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(60)]
        half_open[0].sendall(b"GET / HTTP/1.1\r\nHost:")
        refused = 0
        for one in half_open:
            one.settimeout(5.0)
            try:
                refused += one.recv(100) == b""
            except ConnectionResetError:
                refused += 1
        assert refused == 60
        with ByHand(served.port) as client:
            client.receive()
            assert client.ask(request())[0] == BINARY


def test_tls_with_a_certificate_of_ones_own(tmp_path: Path) -> None:
    certificate, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "1",
            "-subj",
            "/CN=localhost",
        ]
        + ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    with serving(tls=server_tls(certificate, key)) as served:
        with ByHand(served.port, tls=client_tls(certificate)) as client:
            client.receive()
            assert client.ask(request())[0] == BINARY
        policy = RemotePolicy(Endpoint(f"wss://localhost:{served.port}", ca_file=certificate))
        chunk = policy.predict_chunk(observation(), SUBGOAL)
        np.testing.assert_array_equal(chunk.actions, expected(observation(), SUBGOAL))
        policy.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            ByHand(served.port, tls=ssl.create_default_context())
        with pytest.raises((EOFError, OSError)), ByHand(served.port) as plain:
            plain._take(2)


def test_openpis_own_client_works_as_it_is() -> None:
    openpi = pytest.importorskip("openpi_client.websocket_client_policy")
    with serving(token=TOKEN) as served:
        client = openpi.WebsocketClientPolicy(host="127.0.0.1", port=served.port, api_key=TOKEN)
        assert client.get_server_metadata() == SPEC.to_metadata()
        for seed in range(3):
            np.testing.assert_array_equal(client.infer(request(seed))["actions"], expected(observation(seed), SUBGOAL))
        with pytest.raises(RuntimeError, match=r"observation\.state missing"):
            client.infer(request(observation__state=None))
        assert client.infer(request())["server_timing"]["infer_ms"] >= 0
