from __future__ import annotations

import time

import numpy as np
import pytest

from tests.helpers.toy_suite import ToySimulation
from vla.errors import RobotError
from vla.runtime.watchdog import Watchdog

ACTION = np.array([60.0, 60.0], np.float32)


def wait_for(condition, seconds: float = 3.0) -> float:  # type: ignore[no-untyped-def]
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds
        time.sleep(0.001)
    return time.monotonic() - started


def test_commands_pass_while_the_loop_is_alive() -> None:
    robot = ToySimulation()
    with Watchdog(robot, silence=0.5) as watchdog:
        for _ in range(10):
            assert watchdog.observe().images
            watchdog.step(ACTION)
            time.sleep(0.02)
        assert not watchdog.cause
    assert robot.ticks == 10
    assert watchdog.joint_names == robot.joint_names


def test_a_loop_that_hangs_is_stopped_and_then_refused() -> None:
    robot = ToySimulation()
    with Watchdog(robot, silence=0.1, grace=0.1) as watchdog:
        watchdog.observe()
        assert wait_for(lambda: watchdog.cause) >= 0.08
        assert watchdog() == "the control loop was silent for 0.1 s"
        watchdog.step(ACTION)  # it may still come to rest
        wait_for(lambda: watchdog.shut)
        with pytest.raises(RobotError, match="nothing is sent any more: the control loop was silent") as error:
            watchdog.step(ACTION)
        assert error.value.lasting
    assert robot.ticks == 1


def test_a_stop_is_heard_while_the_loop_waits_and_enforced_if_it_does_not_obey() -> None:
    robot = ToySimulation()
    requests: list[str] = []
    with Watchdog(robot, lambda: requests[0] if requests else "", silence=5.0, grace=0.1) as watchdog:
        watchdog.step(ACTION)
        requests.append("button")
        wait_for(lambda: watchdog.cause == "button", 0.1)
        requests.clear()
        wait_for(lambda: watchdog.shut)
        assert watchdog.cause == "button"
        with pytest.raises(RobotError, match="button"):
            watchdog.step(ACTION)
    assert robot.ticks == 1


def test_to_enter_it_again_lifts_a_stop_unless_it_is_still_asked_for() -> None:
    robot, requests = ToySimulation(), ["button"]
    watchdog = Watchdog(robot, lambda: requests[0] if requests else "", silence=5.0, grace=0.05)
    for _ in range(2):
        with watchdog:
            wait_for(lambda: watchdog.shut)
    requests.clear()
    with watchdog:
        watchdog.step(ACTION)
        assert not watchdog.cause
    assert robot.ticks == 1
