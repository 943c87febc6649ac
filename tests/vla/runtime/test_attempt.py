from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.toy_suite import ToySimulation
from vla.runtime.actors import Motion
from vla.runtime.attempt import Attempt
from vla.runtime.episode import run_episode
from vla.types import Observation, Subgoal


def joints(first: float, gripper: float = 30.0) -> NDArray[np.float32]:
    return np.array([first, gripper], np.float32)


def test_an_attempt_is_over_when_the_arm_has_left_and_is_back() -> None:
    attempt = Attempt()
    seen = [attempt.see(joints(value)) for value in (50, 55, 52, 61, 57, 55, 54)]
    assert seen == [False, False, False, False, False, True, False]
    assert attempt.over


def test_the_gripper_does_not_take_the_arm_away() -> None:
    attempt = Attempt()
    assert not any(attempt.see(joints(50, gripper)) for gripper in (30, 80, 30))


def test_only_a_look_from_after_the_return_ends_the_rest() -> None:
    attempt = Attempt()
    attempt.asked(1)
    for value in (50, 70, 50):
        attempt.see(joints(value))
    assert not attempt.answered(1) and attempt.over
    attempt.asked(2)
    attempt.asked(3)
    assert attempt.answered(2) and not attempt.over
    assert not attempt.see(joints(50))  # it has to leave again


class Swing:
    """Goes out for six ticks, back for six, and out again."""

    def __init__(self) -> None:
        self.policy_seconds: list[float] = []
        self.begun = self.ticks = self.held = 0

    def reset(self) -> None:
        pass

    def begin(self, subgoal: Subgoal) -> None:
        self.begun, self.ticks = self.begun + 1, 0

    def wants_frames(self, time: float) -> bool:
        return False

    def act(self, observation: Observation, subgoal: Subgoal) -> Motion:
        target = np.array([80.0 if self.ticks // 6 % 2 == 0 else 50.0, 50.0], np.float32)
        self.ticks += 1
        return Motion(target, target)

    def hold(self, observation: Observation, last: NDArray[np.float32]) -> NDArray[np.float32]:
        self.held += 1
        return last


class Same:
    """A planner that always says the same."""

    def __init__(self) -> None:
        self.asked_at: list[float] = []

    def reset(self) -> None:
        pass

    def plan(self, observation: Observation, instruction: str, history: object) -> Subgoal:
        self.asked_at.append(round(observation.time, 3))
        return Subgoal("swing", "swing", "arm", time_limit=60.0)


@pytest.mark.parametrize(("latency", "rests"), [(0.0, False), (0.4, True)])
def test_back_from_a_subgoal_the_arm_rests_until_the_planner_has_looked(latency: float, rests: bool) -> None:
    simulation, actor, planner = ToySimulation(), Swing(), Same()
    run_episode(simulation, planner, actor, max_seconds=4.0, planner_period=3.0, planner_latency=latency)
    if not rests:
        assert (actor.begun, actor.held, planner.asked_at) == (1, 0, [0.0, 3.0])
        return
    first, back, *_ = planner.asked_at
    assert first == 0.0 and back < 3.0  # asked as soon as it is back, not when it is time
    assert actor.begun >= 2  # the same subgoal is begun again after the look
    assert actor.held >= 2 * round(latency * simulation.control_hz) - 1
    resting = [index for index, action in enumerate(simulation.actions) if index / 10 >= back][:4]
    assert len({tuple(simulation.actions[index]) for index in resting}) == 1
