"""lerobot's own driver of the SO-101, unmodified, on a simulated arm behind a servo bus."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lerobot.robots.so_follower import SO101Follower, SO101FollowerConfig

from envs.tabletop.units import JOINT_NAMES
from envs.tabletop.world import READY_POSE
from tests.vla.robots import twin_calls
from vla.errors import RobotError, VlaError
from vla.robots import twin_faults
from vla.robots.frame_board import FrameBoard
from vla.robots.lerobot_robot import LerobotRobot, connect, describe_status, fitted
from vla.robots.twin_process import TwinProcess
from vla.robots.twincamera import SOURCES, TwinCameraConfig
from vla.types import Observation

pytestmark = [pytest.mark.slow, pytest.mark.realtime]

PATIENCE = 20.0
"""How long a busy machine may keep the bus from being understood [s]."""


@pytest.fixture(scope="module")
def process() -> Iterator[TwinProcess]:
    with TwinProcess(twin_calls.make_arm, fps=10.0) as twin:
        SOURCES["twin"] = twin.latest_frames
        yield twin
    SOURCES.clear()


@pytest.fixture
def twin(process: TwinProcess) -> Iterator[TwinProcess]:
    yield process
    process.call(twin_faults.mend)


@pytest.fixture
def follower(twin: TwinProcess, tmp_path: Path) -> Iterator[SO101Follower]:
    twin.calibrate(tmp_path, "twin")
    cameras = {
        name: TwinCameraConfig(twin="twin", camera=name, fps=10, width=48, height=48) for name in ("front", "wrist")
    }
    config = SO101FollowerConfig(port=twin.port, id="twin", calibration_dir=tmp_path, cameras=cameras)  # type: ignore[arg-type]
    follower = SO101Follower(config)
    connect(follower, attempts=20)
    yield follower
    follower.disconnect()


def observe(robot: LerobotRobot) -> Observation:
    """Observe; a busy machine may make the bus late a few times."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            return robot.observe()
        except RobotError as error:
            if error.lasting:
                raise
            time.sleep(0.05)
    raise AssertionError("the robot could not be read")


def complaint(robot: LerobotRobot, words: str) -> RobotError:
    """Return the error that holds ``words``; a busy machine may cause others before it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            robot.observe()
        except RobotError as error:
            if words in str(error):
                return error
        time.sleep(0.05)
    raise AssertionError(f"nobody has said {words!r}")


def settle(robot: LerobotRobot, target: np.ndarray, seconds: float = 3.0) -> np.ndarray:
    end = time.monotonic() + seconds
    state = observe(robot).state
    while time.monotonic() < end and np.abs(state - target).max() > 4.0:
        robot.step(target.astype(np.float32))
        time.sleep(0.02)
        state = observe(robot).state
    return state


def test_the_driver_observes_in_the_simulations_units(follower: SO101Follower) -> None:
    robot = LerobotRobot(follower, 30.0)
    assert robot.joint_names == JOINT_NAMES
    assert set(robot.camera_names) == {"front", "wrist"}
    observation = observe(robot)
    assert np.abs(observation.state - READY_POSE).max() < 25.0  # it sagged while the driver had the torque off
    assert observation.images["front"].shape == (48, 48, 3)
    assert observation.images["front"].std() > 5.0
    assert 0.0 < observation.frame_age < 1.0


@pytest.mark.parametrize(("size", "rows", "columns"), [((64, 64), 48, 96), ((30, 60), 90, 60), ((48, 96), 48, 96)])
def test_the_middle_of_a_frame_is_scaled(size: tuple[int, int], rows: int, columns: int) -> None:
    frame = np.zeros((rows, columns, 3), np.uint8)
    frame[rows // 2 - 10 : rows // 2 + 10, columns // 2 - 10 : columns // 2 + 10] = 255
    scaled = fitted(frame, size)
    assert scaled.shape == (*size, 3)
    white = np.argwhere(scaled[..., 0] > 127)
    np.testing.assert_allclose(white.mean(axis=0), (np.array(size) - 1) / 2, atol=1.0)
    height, width = np.ptp(white, axis=0) + 1
    assert abs(height - width) <= 2


def test_the_driver_moves_the_arm(follower: SO101Follower) -> None:
    robot = LerobotRobot(follower, 30.0)
    target = READY_POSE + [25.0, 5.0, -5.0, 0.0, 20.0, -20.0]
    state = settle(robot, target)
    assert np.abs(state - target).max() < 6.0  # gravity


def test_without_torque_the_arm_sags_and_with_overload_too(follower: SO101Follower, twin: TwinProcess) -> None:
    robot = LerobotRobot(follower, 30.0)
    held = settle(robot, READY_POSE.copy())
    twin.call(partial(twin_faults.overload, ids=(2, 3)))
    time.sleep(1.0)
    assert complaint(robot, "servo shoulder_lift reports overload").lasting
    assert abs(twin.call(partial(twin_calls.raw_position, id=2)) - (2047 + held[1] * 4095 / 360)) > 20


@pytest.mark.parametrize(
    ("status", "words"),
    [(4, "overheat"), (33, "voltage and overload"), (66, "status 66"), (36, "overheat and overload")],
)
def test_status_bytes_are_put_into_words(status: int, words: str) -> None:
    assert describe_status(status) == words


def test_a_servo_that_is_unplugged_is_an_error_and_comes_back(follower: SO101Follower, twin: TwinProcess) -> None:
    robot = LerobotRobot(follower, 30.0)
    twin.call(partial(twin_faults.unplug_servo, id=3))
    assert not complaint(robot, "sync read").lasting
    twin.call(twin_faults.mend)
    assert observe(robot).state.shape == (6,)


def test_a_few_damaged_replies_are_read_again(follower: SO101Follower, twin: TwinProcess) -> None:
    twin.call(partial(twin_faults.corrupt_replies, fraction=0.02))
    good = 0
    for _ in range(30):
        try:
            good += "gripper.pos" in follower.get_observation()
        except ConnectionError:
            continue
    assert good >= 25


@pytest.mark.parametrize(
    ("fault", "words"), [("frozen", "no frame of camera"), ("black", "nothing but black"), ("unplugged", "no frame of")]
)
def test_a_camera_that_fails_is_noticed(follower: SO101Follower, twin: TwinProcess, fault: Any, words: str) -> None:
    robot = LerobotRobot(follower, 30.0)
    twin.call(partial(twin_faults.spoil_cameras, fault=fault))
    time.sleep(0.8)
    assert not complaint(robot, words).lasting


def test_an_arm_that_cannot_be_built_says_why() -> None:
    with pytest.raises(VlaError, match="out of arms"), TwinProcess(twin_calls.no_arm):
        pass


def test_calls_that_fail_and_a_process_that_dies_are_errors() -> None:
    with TwinProcess(twin_calls.make_arm) as twin:
        assert twin.latest_frames() == ({}, 0.0)
        with pytest.raises(VlaError, match="ValueError: no servo 7"):
            twin.call(twin_calls.fail)
        assert twin.call(partial(twin_calls.raw_position, id=1)) == pytest.approx(2047, abs=700)
        with pytest.raises(VlaError, match="has died"):
            twin.call(twin_calls.die)


def test_a_board_shows_the_newest_frames() -> None:
    shapes = {"front": (4, 6, 3), "wrist": (2, 2, 3)}
    ours = FrameBoard(shapes)
    theirs = FrameBoard(ours.address.shapes, ours.address.name)
    assert theirs.latest() == ({}, 0.0)
    for value in (7, 8, 9):
        ours.show({name: np.full(shape, value, np.uint8) for name, shape in shapes.items()}, taken=10.0 * value)
        frames, taken = theirs.latest()
        assert taken == 10.0 * value
        assert {name: frame.shape for name, frame in frames.items()} == shapes
        assert all((frame == value).all() for frame in frames.values())
    theirs.close()
    ours.close(unlink=True)
