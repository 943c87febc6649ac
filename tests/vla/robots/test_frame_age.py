"""Frames are older than the joints that are read with them; the policy is told where the joints were then."""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np
import pytest

from vla.robots.lerobot_robot import LerobotRobot
from vla.robots.state_history import StateHistory
from vla.types import Observation


def test_a_state_between_two_measurements_is_interpolated() -> None:
    history = StateHistory()
    for moment in (1.0, 2.0, 4.0):
        history.add(moment, np.array([10 * moment, -moment], np.float32))
    np.testing.assert_allclose(history.at(1.5), [15.0, -1.5])
    np.testing.assert_allclose(history.at(3.5), [35.0, -3.5])
    np.testing.assert_allclose(history.at(2.0), [20.0, -2.0])


def test_beyond_its_ends_a_history_says_what_is_there() -> None:
    history = StateHistory()
    with pytest.raises(IndexError):
        history.at(0.0)
    for moment in range(100):
        history.add(moment, np.array([moment], np.float32))
    assert history.at(200.0) == [99.0]
    assert 0.0 < history.at(-1.0)[0] < 99.0


class MovingArm:
    """Its joint turns by one unit a second; its cameras took their frames at other times."""

    name = "moving_arm"
    action_features = {"turn.pos": float}  # noqa: RUF012
    observation_features = {"turn.pos": float, "front": (4, 4, 3), "wrist": (4, 4, 3)}  # noqa: RUF012

    def __init__(self, *ages: float) -> None:
        self.ages = ages
        self.started = time.perf_counter()

    def get_observation(self) -> dict:
        now = time.perf_counter()
        self.cameras = {str(i): SimpleNamespace(latest_timestamp=now - age) for i, age in enumerate(self.ages)}
        return {
            "turn.pos": now - self.started,
            "front": np.full((4, 4, 3), 200, np.uint8),
            "wrist": np.full((4, 4, 3), 200, np.uint8),
        }


def test_frames_come_with_the_joints_of_their_time() -> None:
    robot = LerobotRobot(MovingArm(0.02, 0.04), control_hz=100.0, camera_delay=0.01)  # type: ignore[arg-type]
    seen = first = robot.observe()
    for _ in range(20):
        time.sleep(0.005)
        seen = robot.observe()
    assert seen.frame_age == pytest.approx(0.04, abs=0.01)
    then = seen.at_frames()
    assert float(seen.state[0] - then.state[0]) == pytest.approx(seen.frame_age, abs=0.005)
    assert then.time == pytest.approx(seen.time - seen.frame_age)
    assert then.images is seen.images
    assert first.frame_state is not None
    np.testing.assert_array_equal(first.frame_state, first.state)


def test_a_camera_without_time_stamps_counts_as_prompt() -> None:
    arm = MovingArm()
    seen = LerobotRobot(arm, control_hz=100.0).observe()  # type: ignore[arg-type]
    assert seen.frame_age == 0.0


def test_an_observation_of_one_moment_is_its_own() -> None:
    observation = Observation({}, np.zeros(2, np.float32), 1.5)
    then = observation.at_frames()
    assert then.time == 1.5
    assert then.state is observation.state
