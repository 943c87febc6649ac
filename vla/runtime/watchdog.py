"""Stands between the control loop and the robot, in a thread of its own that the loop cannot hold up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vla.errors import RobotError
from vla.types import Observation, Robot

PERIOD = 0.005
"""Time between two looks [s]."""


class Watchdog:
    """A robot that stops listening when the loop hangs, or does not come to rest although it should.

    Whoever asks for a stop is heard here, also while the loop waits for something. The loop then has ``grace`` to bring
    the arm to rest within its limits; afterwards nothing is sent to the robot any more, whose servos hold the last
    command. Use as a context manager around the time in which the loop runs; to lift a stop, leave and enter it again.

    Args:
        robot: the robot proper.
        stop_requested: why to stop, or "" to go on; asked all the time, from a thread.
        silence: the loop has hung if it has not observed for this long [s].
        grace: time that the loop is given to come to rest [s].
    """

    def __init__(
        self, robot: Robot, stop_requested: Callable[[], str] = lambda: "", *, silence: float = 0.5, grace: float = 1.0
    ) -> None:
        self._robot, self._stop_requested = robot, stop_requested
        self._silence, self._grace = silence, grace
        self.robot_type, self.control_hz = robot.robot_type, robot.control_hz
        self.camera_names, self.joint_names = robot.camera_names, robot.joint_names
        self.cause = ""
        """Why the run must end; empty if it need not."""
        self.shut = False
        """Whether commands are refused."""
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self._heard = time.monotonic()
        self.cause, self.shut = "", False
        self._ended.clear()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def __call__(self) -> str:
        """Return why the run must end, or "" if it need not."""
        return self.cause

    def observe(self, *, images: bool = True) -> Observation:
        """Observe, and show that the loop is alive."""
        self._heard = time.monotonic()
        return self._robot.observe(images=images)

    def step(self, action: NDArray[np.float32]) -> None:
        """Send target joint positions (n,).

        Raises:
            RobotError: commands are refused by now.
        """
        with self._lock:
            if self.shut:
                raise RobotError(f"nothing is sent any more: {self.cause}", lasting=True)
            self._robot.step(action)

    def _watch(self) -> None:
        since = 0.0
        while not self._ended.wait(PERIOD):
            now = time.monotonic()
            if not self.cause:
                silent = now - self._heard > self._silence
                self.cause = self._stop_requested() or (
                    f"the control loop was silent for {self._silence:g} s" if silent else ""
                )
                since = now
            elif now - since > self._grace:
                with self._lock:
                    self.shut = True
                return
