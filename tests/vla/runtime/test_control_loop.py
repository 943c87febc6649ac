"""The loop in real time on a toy robot, with planner and policy in processes of their own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.helpers.toy_loop import MakePolicy, ToyLoop
from tests.helpers.toy_suite import ToySimulation
from vla.runtime.control_loop import ControlLoop
from vla.runtime.partners import PolicyRequest
from vla.types import ActionChunk, Observation

pytestmark = pytest.mark.slow


def test_subgoals_are_carried_out_in_turn(setup: Callable[..., ToyLoop]) -> None:
    toy = setup()
    report = toy.loop().run("go", 15.0)
    assert report.done, report.reason
    assert [(end.subgoal.object, end.outcome) for end in report.subgoals] == [("0", "reached"), ("1", "reached")]
    np.testing.assert_allclose(toy.robot.state, [40.0, 60.0], atol=1.0)
    assert report.policy_seconds
    assert min(report.policy_seconds) >= 0.02
    assert report.ticks == len(report.lateness)
    assert report.restarts == {"policy": 0, "planner": 0}


class Swing:
    """Goes out and back again, for six ticks each."""

    def __call__(self) -> Callable[[PolicyRequest], ActionChunk]:
        def predict(request: PolicyRequest) -> ActionChunk:
            observation, _subgoal = request
            times = observation.time + np.arange(12) / 10
            across = np.where((times - self.begun(observation.time)) // 0.6 % 2 == 0, 80.0, 50.0)
            return ActionChunk(np.stack([across, np.full(12, 50.0)], axis=1).astype(np.float32), observation.time)

        return predict

    def begun(self, now: float) -> float:
        self.first = getattr(self, "first", now)
        return self.first


def test_back_from_a_subgoal_the_arm_rests_until_the_planner_has_looked(
    setup: Callable[..., ToyLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = setup(goals=((10.0, 10.0),), policy=Swing(), seconds=0.5, time_limit=60.0)
    loop, reasons = toy.loop(), []
    monkeypatch.setattr(loop._events, "waits", lambda reason, now: reasons.append(reason))
    loop.run("go", 6.0)
    assert reasons.count("the planner has not looked at what has come of it") >= 4
    across = [float(action[0]) for action in toy.robot.actions]
    rest = next(index for index, value in enumerate(across) if value < 60 and max(across[:index], default=0) > 70)
    assert max(across[rest:]) > 70  # and goes on with the same subgoal afterwards


def test_the_gripper_goes_to_where_a_subgoal_begins_before_the_policy_acts(setup: Callable[..., ToyLoop]) -> None:
    toy = setup(goals=((70.0, 40.0),), grip=80.0)
    report = toy.loop().run("go", 15.0)
    assert report.done, report.reason
    x, y = np.stack(toy.robot.actions).T
    opened = int(np.argmax(y >= 80.0))
    assert opened > 0 and (x[:opened] == 50.0).all(), "the other joint stays until the gripper is open"
    assert (np.diff(y[:opened]) >= 0).all()


class Belated(ToySimulation):
    """Its frames are a tenth of a second old."""

    def observe(self, *, images: bool = True) -> Observation:
        return replace(super().observe(images=images), frame_age=0.1, frame_state=np.array([1.0, 2.0], np.float32))


def test_a_chunk_begins_when_the_frames_were_taken_that_it_was_planned_from(setup: Callable[..., ToyLoop]) -> None:
    toy = setup(goals=((70.0, 40.0),))
    toy.robot = Belated()
    guard, ages = toy.safety.guard, []

    def watch(proposal: Any, observation: Observation, time: float, planned_at: float | None) -> Any:
        if planned_at is not None:
            ages.append(time - planned_at)
        return guard(proposal, observation, time, planned_at)

    toy.safety.guard = watch  # type: ignore[method-assign]
    assert toy.loop().run("go", 15.0).done
    assert min(ages) >= 0.1


def test_a_refusal_moves_nothing(setup: Callable[..., ToyLoop]) -> None:
    toy = setup()
    report = toy.loop().run("dance", 10.0)
    assert not report.done
    assert report.reason == "cannot dance"
    np.testing.assert_array_equal(toy.robot.state, [50.0, 50.0])


def test_an_unsure_planner_moves_nothing(setup: Callable[..., ToyLoop]) -> None:
    toy = setup()
    report = toy.loop().run("think", 2.0)
    assert report.reason == "time limit of 2 s"
    assert len(report.planner_seconds) >= 2
    assert report.held >= 10
    np.testing.assert_array_equal(toy.robot.state, [50.0, 50.0])


def test_a_late_planner_leaves_the_loop_its_rate_and_the_arm_at_rest(setup: Callable[..., ToyLoop]) -> None:
    toy = setup(seconds=1.5)
    report = toy.loop().run("go", 1.2)
    assert report.ticks >= 9  # 12 of them at 10 a second, on a machine with other things to do
    assert not report.planner_seconds
    np.testing.assert_array_equal(toy.robot.state, [50.0, 50.0])


def test_a_request_to_stop_ends_the_run_at_rest(setup: Callable[..., ToyLoop]) -> None:
    toy = setup()
    report = toy.loop(stop_requested=lambda: "button" if toy.robot.ticks > 8 else "").run("go", 15.0)
    assert report.reason == toy.safety.stopped == "button"
    assert not report.done
    assert toy.safety.at_rest


def test_without_a_policy_the_arm_holds_and_goes_on_when_it_is_back(setup: Callable[..., ToyLoop]) -> None:
    toy = setup(goals=((95.0, 5.0), (5.0, 95.0)), policy=MakePolicy(steps=3), time_limit=60.0)
    killed: list[int] = []

    def kill() -> str:
        if toy.robot.ticks == 6 and not killed and toy.policy.pid is not None:
            os.kill(toy.policy.pid, signal.SIGKILL)
            killed.append(toy.policy.pid)
        return ""

    report = toy.loop(stop_requested=kill, replan_ticks=1).run("go", 90.0)
    assert killed
    assert report.done, report.reason
    assert report.restarts["policy"] == 1
    assert report.held >= 3  # a process takes half a second to be started again


def test_the_chunk_of_a_policy_that_has_died_is_not_played_to_its_end(setup: Callable[..., ToyLoop]) -> None:
    toy = setup(goals=((95.0, 5.0), (5.0, 95.0)), policy=MakePolicy(steps=60), time_limit=60.0)
    killed: list[float] = []

    def kill() -> str:
        if toy.robot.ticks >= 6 and not killed and toy.policy.pid is not None:
            os.kill(toy.policy.pid, signal.SIGKILL)
            killed.append(time.monotonic())
        return "enough" if killed and time.monotonic() > killed[0] + 0.4 else ""

    report = toy.loop(stop_requested=kill, replan_ticks=30).run("go", 60.0)
    assert report.reason == "enough"
    assert report.held >= 0.5 * 0.4 * toy.robot.control_hz  # the first chunk goes on for 60 ticks


def test_without_a_planner_the_run_ends(setup: Callable[..., ToyLoop]) -> None:
    toy = setup(goals=((95.0, 5.0),))

    def kill() -> str:
        if toy.robot.ticks == 5 and toy.planner.pid is not None and not toy.planner.restarts:
            os.kill(toy.planner.pid, signal.SIGKILL)
        return ""

    report = toy.loop(stop_requested=kill).run("go", 40.0)
    assert report.reason == "the planner died"
    assert not report.done


def test_a_slow_policy_is_played_from_the_moment_its_chunk_is_for(setup: Callable[..., ToyLoop]) -> None:
    toy = setup(goals=((60.0, 40.0),), policy=MakePolicy(seconds=0.4))
    report = toy.loop().run("go", 20.0)
    assert report.done, report.reason
    assert report.held >= 3  # until the first chunk came


def test_time_limits_end_subgoals_and_runs(setup: Callable[..., ToyLoop]) -> None:
    toy = setup(goals=((95.0, 5.0),), time_limit=0.25)  # further than the toy gets in that time
    report = toy.loop().run("go", 10.0)
    assert report.reason == "go timed out 3 times"
    assert [end.outcome for end in report.subgoals] == ["timeout"] * 3
    assert toy.loop().run("go", 0.2).reason == "time limit of 0.2 s"


def test_the_arm_moves_to_a_pose_first_at_the_speed_that_is_asked(setup: Callable[..., ToyLoop]) -> None:
    toy = setup()
    loop = toy.loop()
    started = time.monotonic()
    assert loop.move_to(np.array([70.0, 45.0]), speed=20.0)
    assert 1.0 < time.monotonic() - started < 4.0
    np.testing.assert_allclose(toy.robot.state, [70.0, 45.0], atol=1.0)
    assert loop.run("go", 15.0).done


def test_a_stop_on_the_way_to_a_pose_is_not_an_arrival(setup: Callable[..., ToyLoop]) -> None:
    toy = setup()
    toy.safety.at_rest = True
    loop = toy.loop(stop_requested=lambda: "button" if toy.robot.ticks > 3 else "")
    toy.safety.guard = lambda *_: None  # type: ignore[method-assign]
    toy.robot.ticks = 4
    assert not loop.move_to(np.array([90.0, 50.0]))


def test_another_instruction_takes_over_at_once(setup: Callable[..., ToyLoop]) -> None:
    toy = setup(goals=((95.0, 5.0),))
    loop: ControlLoop | None = None
    heard_at: list[float] = []

    def interrupt() -> str:
        if toy.robot.ticks == 6 and not heard_at:
            assert loop is not None
            loop.instruct("dance")
            heard_at.append(time.monotonic())
        return ""

    loop = toy.loop(stop_requested=interrupt)
    report = loop.run("go", 20.0)
    assert time.monotonic() - heard_at[0] < 1.0
    assert report.reason == "cannot dance"
    assert [(end.outcome, end.reason) for end in report.subgoals] == [("failed", "another instruction")]
    assert np.abs(toy.robot.state - [95.0, 5.0]).max() > 10.0
