"""`vla serve`: its options, what it tells, and a checkpoint served for real."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.vla.serve.tiny import SPEC
from vla.cli.main import main
from vla.cli.serve import announcement, status_line
from vla.serve.client import Endpoint, RemotePolicy
from vla.serve.metrics import Metrics
from vla.types import Box, Observation, Subgoal

TOKEN = "a-token-that-is-only-for-tests"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["host=0.0.0.0"], "open to other machines, and there is no token"),
        (["token_file=/nowhere/token"], "token_file=/nowhere/token cannot be read"),
        (["certificate=cert.pem"], "both certificate= and key="),
        (["max_clients=0"], "max_clients=0 must be at least 1"),
        (["max_rate=0"], "max_rate=0"),
        (["idle_timeout=0"], "idle_timeout=0"),
        (["port=70000"], "port=70000 must be between 0 and 65535"),
        (["max_message=0"], "max_message=0"),
        (["token=secret"], "unknown option 'token'"),
        (["policy=/nowhere/at/all"], "no such checkpoint folder: /nowhere/at/all"),
    ],
)
def test_bad_options_are_refused(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VLA_TOKEN", raising=False)
    assert main(["serve", *options]) == 2
    assert message in capsys.readouterr().err


def test_it_tells_what_the_policy_takes_and_how_to_connect() -> None:
    here = announcement(SPEC, "127.0.0.1", 8000, token=False, tls=False)
    assert "serving tiny at ws://127.0.0.1:8000 (no token, this machine only)" in here
    assert re.search(r"observation\.images\.front +\(8, 8, 3\) uint8", here)
    assert re.search(r"observation\.state +\(2,\) float32", here)
    assert "vla deploy policy=ws://localhost:8000" in here
    assert 'WebsocketClientPolicy(host="localhost", port=8000)' in here
    there = announcement(SPEC, "0.0.0.0", 8000, token=True, tls=False)
    assert "travel in the clear" in there
    assert 'host="<this machine>", port=8000, api_key="<token>"' in there
    assert 'WebsocketClientPolicy("wss://<this machine>:8000"' in announcement(SPEC, "::", 8000, token=True, tls=True)


def test_the_status_counts() -> None:
    metrics = Metrics()
    assert status_line(metrics).startswith("0 clients; requests: 0 answered")
    metrics.clients.inc()
    metrics.requests.labels("answered").inc(3)
    for size in (1, 2):
        metrics.inference.observe(0.01)
        metrics.batch.observe(size)
    assert status_line(metrics) == (
        "1 clients; requests: 3 answered, 0 refused, 0 limited, 0 failed; forward passes of 10.0 ms with 1.5 requests"
    )


@pytest.mark.slow
def test_a_checkpoint_is_served_until_it_is_told_to_end(toy_checkpoint: Path) -> None:
    from vla.runtime.lerobot_policy import load_policy

    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "vla.cli.main",
            "serve",
            f"policy={toy_checkpoint}",
            "port=0",
            "device=cpu",
            "threads=1",
        ],
        env={**os.environ, "VLA_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        told = ""
        while (address := re.search(r"ws://127\.0\.0\.1:\d+ \(token needed\)", told)) is None:
            line = process.stdout.readline()
            assert line, told
            told += line
        policy = RemotePolicy(Endpoint(address[0].split()[0], TOKEN, read_timeout=30.0))
        frame = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
        seen = Observation({"front": frame}, np.array([1.0, -2.0], np.float32), 0.0)
        subgoal = Subgoal("go", "go", "", box=Box(0.1, 0.1, 0.2, 0.2))
        expected = load_policy(str(toy_checkpoint), "cpu", threads=1).predict_chunk(seen, subgoal).actions
        np.testing.assert_allclose(policy.predict_chunk(seen, subgoal).actions, expected, rtol=1e-5, atol=1e-5)
        assert policy.n_action_steps == 2
        policy.close()
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "ended after 0 clients; requests: 1 answered" in rest
    assert TOKEN not in told + rest
