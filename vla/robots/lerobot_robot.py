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
    from lerobot.robots.so_follower import SOFollower

POSITION = ".pos"


def connect(follower: SOFollower, attempts: int = 3) -> None:
    """Connect an SO-100 or SO-101 without asking on the terminal; lerobot greets the servos only once, which may fail.

    Raises:
        ConnectionError, RuntimeError, OSError: the last attempt's.
    """
    for attempt in range(1, attempts + 1):
        try:
            follower.connect(calibrate=False)
            return
        except (ConnectionError, RuntimeError, OSError):
            if follower.bus.port_handler.is_open:
                follower.bus.port_handler.closePort()
            if attempt == attempts:
                raise


class LerobotRobot:
    """Reads and commands joint positions in lerobot's units.

    Args:
        robot: connected.
        control_hz: rate at which it is going to be driven [Hz].
        image_size: (height, width) that the middle of each frame is scaled to [px]; None leaves frames as they come.

    Raises:
        ConfigError: it is not moved by joint positions.
    """

    def __init__(self, robot: Robot, control_hz: float, image_size: tuple[int, int] | None = None) -> None:
        actions = list(robot.action_features)
        if not actions or any(not name.endswith(POSITION) for name in actions):
            raise ConfigError(f"{robot.name} is moved by {', '.join(actions) or 'nothing'}, not by joint positions")
        self._robot, self._image_size = robot, image_size
        self.robot_type = robot.name
        self.control_hz = control_hz
        self.joint_names = tuple(name.removesuffix(POSITION) for name in actions)
        self.camera_names = tuple(name for name, kind in robot.observation_features.items() if isinstance(kind, tuple))
        self._started = time.perf_counter()

    def observe(self, *, images: bool = True) -> Observation:
        """Read joints and cameras; the cameras' newest frames cost nothing, so they are always there."""
        seen = self._robot.get_observation()
        state = np.array([seen[name + POSITION] for name in self.joint_names], dtype=np.float32)
        frames = {name: fitted(np.asarray(seen[name]), self._image_size) for name in self.camera_names}
        return Observation(frames, state, time.perf_counter() - self._started)

    def step(self, action: NDArray[np.float32]) -> None:
        """Send target joint positions (n,); returns at once."""
        targets = {name + POSITION: float(value) for name, value in zip(self.joint_names, action, strict=True)}
        self._robot.send_action(targets)


def fitted(frame: NDArray[np.uint8], size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """Return the middle of a frame (H, W, 3) scaled to ``size`` (height, width), its proportions kept."""
    if size is None or frame.shape[:2] == size:
        return frame
    import cv2

    (height, width), (rows, columns) = size, frame.shape[:2]
    scale = min(rows / height, columns / width)
    high, wide = round(height * scale), round(width * scale)
    top, left = (rows - high) // 2, (columns - wide) // 2
    return cv2.resize(frame[top : top + high, left : left + wide], (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]
