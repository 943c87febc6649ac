"""Processes beside the loop: quick answers, newest first, and no harm when they die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from vla.errors import VlaError
from vla.runtime.sidecar import Reply, Sidecar

pytestmark = pytest.mark.slow


def make_double() -> Callable[[float], float]:
    return double


def double(value: float) -> float:
    if value < 0:
        raise ValueError(f"{value} is negative")
    time.sleep(value / 100)
    return 2 * value


def make_nothing() -> Callable[[float], float]:
    raise RuntimeError("no weights")


@pytest.fixture
def sidecar() -> Iterator[Sidecar[float, float]]:
    made: Sidecar[float, float] = Sidecar(make_double, "doubler")
    made.wait_ready(60.0)
    yield made
    made.close()


def wait_for(sidecar: Sidecar[float, float], seconds: float = 20.0) -> Reply[float]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if reply := sidecar.poll():
            return reply
        time.sleep(0.002)
    raise AssertionError("no reply")


def test_it_answers_without_being_waited_for(sidecar: Sidecar[float, float]) -> None:
    assert sidecar.free
    assert sidecar.poll() is None
    started = time.perf_counter()
    number = sidecar.submit(20.0)
    assert time.perf_counter() - started < 0.1
    reply = wait_for(sidecar)
    assert (reply.request, reply.result, reply.error) == (number, 40.0, "")
    assert reply.seconds >= 0.2


def test_a_newer_request_replaces_the_one_that_waits(sidecar: Sidecar[float, float]) -> None:
    first = sidecar.submit(30.0)
    time.sleep(0.1)
    assert not sidecar.free
    sidecar.submit(1.0)
    last = sidecar.submit(2.0)
    assert [wait_for(sidecar).request for _ in range(2)] == [first, last]


def test_a_bad_request_is_an_error_and_not_the_end(sidecar: Sidecar[float, float]) -> None:
    sidecar.submit(-1.0)
    reply = wait_for(sidecar)
    assert reply.result is None
    assert reply.error == "ValueError: -1.0 is negative"
    sidecar.submit(3.0)
    assert wait_for(sidecar).result == 6.0
    assert sidecar.restarts == 0


def test_a_process_that_is_killed_is_started_again(sidecar: Sidecar[float, float]) -> None:
    assert sidecar.pid is not None
    sidecar.submit(500.0)
    time.sleep(0.1)
    assert not sidecar.dead
    os.kill(sidecar.pid, signal.SIGKILL)
    killed = time.monotonic()
    while not sidecar.dead:
        assert time.monotonic() - killed < 5.0
    end = time.monotonic() + 60.0
    while not (sidecar.restarts and sidecar.free) and time.monotonic() < end:
        time.sleep(0.05)
    assert sidecar.restarts == 1
    assert not sidecar.dead
    sidecar.submit(4.0)
    assert wait_for(sidecar).result == 8.0


def test_what_cannot_be_set_up_says_why() -> None:
    broken: Sidecar[float, float] = Sidecar(make_nothing, "policy")
    with pytest.raises(VlaError, match="the policy cannot be set up: no weights"):
        broken.wait_ready(60.0)
    broken.close()


def test_a_call_waits_for_its_answer_and_is_not_replaced(sidecar: Sidecar[float, float]) -> None:
    number = sidecar.submit(20.0)
    sidecar.submit(21.0)
    assert sidecar.call(5.0, 20.0) == 10.0
    assert wait_for(sidecar).request >= number
    with pytest.raises(VlaError, match="has not answered for"):
        sidecar.call(2000.0, 0.05)
