"""lerobot's own driver of the SO-101, unmodified, on a simulated arm behind a servo bus."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from lerobot.robots.so_follower import SO101Follower, SO101FollowerConfig

from envs.tabletop.powered_arm import PoweredArm
from envs.tabletop.simulation import TabletopSimulation
from envs.tabletop.world import READY_POSE
from vla.robots.bus_twin import BusTwin
from vla.robots.lerobot_robot import LerobotRobot, connect, fitted
from vla.robots.servo_bus.servo import Error
from vla.robots.twincamera import SOURCES, TwinCameraConfig

pytestmark = pytest.mark.slow


@pytest.fixture
def simulation() -> TabletopSimulation:
    simulation = TabletopSimulation(image_size=(48, 48))
    simulation.reset("press", 4)
    return simulation


@pytest.fixture
def twin(simulation: TabletopSimulation) -> Iterator[BusTwin]:
    with BusTwin(PoweredArm(simulation.world), fps=10.0) as twin:
        SOURCES["twin"] = twin.latest_frames
        yield twin
    SOURCES.clear()


@pytest.fixture
def follower(twin: BusTwin, tmp_path: Path) -> Iterator[SO101Follower]:
    twin.calibrate(tmp_path, "twin")
    cameras = {
        name: TwinCameraConfig(twin="twin", camera=name, fps=10, width=48, height=48) for name in ("front", "wrist")
    }
    config = SO101FollowerConfig(port=twin.port, id="twin", calibration_dir=tmp_path, cameras=cameras)  # type: ignore[arg-type]
    follower = SO101Follower(config)
    connect(follower)
    assert follower.is_calibrated
    yield follower
    follower.disconnect()


def settle(robot: LerobotRobot, target: np.ndarray, seconds: float = 3.0) -> np.ndarray:
    end = time.monotonic() + seconds
    state = robot.observe().state
    while time.monotonic() < end and np.abs(state - target).max() > 4.0:
        robot.step(target.astype(np.float32))
        time.sleep(0.02)
        state = robot.observe().state
    return state


def test_the_driver_observes_in_the_simulations_units(follower: SO101Follower, simulation: TabletopSimulation) -> None:
    robot = LerobotRobot(follower, 30.0)
    assert robot.joint_names == simulation.joint_names
    assert set(robot.camera_names) == {"front", "wrist"}
    observation = robot.observe()
    assert np.abs(observation.state - READY_POSE).max() < 25.0  # it sagged while the driver had the torque off
    assert observation.images["front"].shape == (48, 48, 3)
    assert observation.images["front"].std() > 5.0


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


def test_without_torque_the_arm_sags_and_with_overload_too(follower: SO101Follower, twin: BusTwin) -> None:
    robot = LerobotRobot(follower, 30.0)
    held = settle(robot, READY_POSE.copy())
    with twin.lock:
        for servo in twin.bus.servos[1:3]:
            servo.trip(Error.OVERLOAD)
    time.sleep(1.0)
    with pytest.raises((RuntimeError, ConnectionError), match=r"(?i)overload|sync read"):
        for _ in range(3):
            follower.bus.read("Present_Load", "shoulder_lift", normalize=False)
    with twin.lock:
        loose = [servo.raw_position for servo in twin.bus.servos]
    assert abs(loose[1] - (2047 + held[1] * 4095 / 360)) > 20


def test_a_servo_that_is_unplugged_is_an_error_and_comes_back(follower: SO101Follower, twin: BusTwin) -> None:
    twin.bus.faults.absent.add(3)
    with pytest.raises(ConnectionError):
        follower.get_observation()
    twin.bus.faults.absent.clear()
    assert "elbow_flex.pos" in follower.get_observation()


def test_a_few_damaged_replies_are_read_again(follower: SO101Follower, twin: BusTwin) -> None:
    twin.bus.faults.corrupt = 0.02
    good = 0
    for _ in range(30):
        try:
            good += "gripper.pos" in follower.get_observation()
        except ConnectionError:
            continue
    assert good >= 25


def test_a_camera_that_freezes_is_noticed(follower: SO101Follower, twin: BusTwin) -> None:
    twin.cameras_frozen = True
    time.sleep(0.8)
    with pytest.raises(TimeoutError, match="no frame of camera"):
        follower.get_observation()
