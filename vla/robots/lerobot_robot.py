"""Any connected lerobot robot as a `vla.types.Robot`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vla.errors import ConfigError
from vla.types import Observation

if TYPE_CHECKING:
    from lerobot.robots import Robot

POSITION = ".pos"


class LerobotRobot:
    """Reads and commands joint positions in lerobot's units.

    Args:
        robot: connected.
        control_hz: rate at which it is going to be driven [Hz].

    Raises:
        ConfigError: it is not moved by joint positions.
    """

    def __init__(self, robot: Robot, control_hz: float) -> None:
        actions = list(robot.action_features)
        if not actions or any(not name.endswith(POSITION) for name in actions):
            raise ConfigError(f"{robot.name} is moved by {', '.join(actions) or 'nothing'}, not by joint positions")
        self._robot = robot
        self.robot_type = robot.name
        self.control_hz = control_hz
        self.joint_names = tuple(name.removesuffix(POSITION) for name in actions)
        self.camera_names = tuple(name for name, kind in robot.observation_features.items() if isinstance(kind, tuple))
        self._started = time.perf_counter()

    def observe(self, *, images: bool = True) -> Observation:
        """Read joints and cameras; the cameras' newest frames cost nothing, so they are always there."""
        seen = self._robot.get_observation()
        state = np.array([seen[name + POSITION] for name in self.joint_names], dtype=np.float32)
        frames = {name: np.asarray(seen[name]) for name in self.camera_names}
        return Observation(frames, state, time.perf_counter() - self._started)

    def step(self, action: NDArray[np.float32]) -> None:
        """Send target joint positions (n,); returns at once."""
        targets = {name + POSITION: float(value) for name, value in zip(self.joint_names, action, strict=True)}
        self._robot.send_action(targets)
