"""A robot that remembers when it was given commands that moved it."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from vla.types import Observation, Robot

STILL = 0.02
"""Commands that differ by less do not move the arm [units]."""


class Witness:
    """Passes everything on to a robot.

    Args:
        robot: what moves.
        eyes: whether its cameras are looked at.

    Attributes:
        broken_at: when something was broken, on ``time.monotonic`` [s].
    """

    def __init__(self, robot: Robot, *, eyes: bool = True) -> None:
        self._robot, self._eyes = robot, eyes
        self.robot_type, self.control_hz = robot.robot_type, robot.control_hz
        self.camera_names, self.joint_names = robot.camera_names, robot.joint_names
        self.broken_at = float("inf")
        self._moved: list[float] = []
        self._last: NDArray[np.float32] | None = None

    def observe(self, *, images: bool = True) -> Observation:
        """Return what the robot senses."""
        return self._robot.observe(images=images and self._eyes)

    def step(self, action: NDArray[np.float32]) -> None:
        """Command the robot."""
        if self._last is not None and np.abs(action - self._last).max() > STILL:
            self._moved.append(time.monotonic())
        self._last = action
        self._robot.step(action)

    def seconds_to_rest(self) -> float:
        """Return the time from the fault to the last command that moved the arm [s]."""
        return max(0.0, self._moved[-1] - self.broken_at) if self._moved else 0.0

    def longest_pause(self) -> float:
        """Return the longest time between two commands that moved the arm, from the fault on [s].

        If it was not moved again, that is the time from the fault to now.
        """
        moved = [moment for moment in self._moved if moment > self.broken_at - 0.05]
        return float(np.diff(moved).max()) if len(moved) > 1 else time.monotonic() - self.broken_at

    def moved_since(self, moment: float) -> bool:
        """Return whether the arm was moved after a moment on ``time.monotonic`` [s]."""
        return bool(self._moved) and self._moved[-1] > moment

    def rested_at(self, pause: float) -> float:
        """Return when it was last moved before it first came to rest for ``pause`` [s] after the fault.

        That is the time of the fault if it was at rest then.
        """
        last = self.broken_at
        for moment in [one for one in self._moved if one > self.broken_at]:
            if moment - last > pause:
                break
            last = moment
        return last
