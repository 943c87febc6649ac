"""A robot that may fail for a moment, as the control loop sees it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vla.errors import RobotError
from vla.types import Observation, Robot

FAULT_SECONDS = 0.5
"""A robot that fails for longer than this is not going to recover by itself [s]."""


class PatientRobot:
    """Waits for a robot that fails, and gives up when it has failed for too long, or says that it is for good.

    Args:
        robot: the robot proper.
        on_fault: told of every fault.
        give_up: told of the fault that is one too many.
    """

    def __init__(self, robot: Robot, on_fault: Callable[[str], None], give_up: Callable[[str], None]) -> None:
        self._robot, self._on_fault, self._give_up = robot, on_fault, give_up
        self._looks: deque[Future[Observation]] = deque()
        self._seen: Observation | None = None
        self._failing_since: float | None = None
        self.sent: NDArray[np.float32] | None = None
        """The last command (n,); None before the first."""

    def look(self) -> Future[Observation]:
        """Ask to be shown the next observation, frames included; from any thread."""
        future: Future[Observation] = Future()
        self._looks.append(future)
        return future

    def observe(self, now: float, *, images: bool) -> tuple[Observation, bool]:
        """Return the robot's observation and True; while it fails, the last one and False.

        Args:
            now: time that the observation is given [s].
            images: whether frames are needed.

        Raises:
            RobotError: it fails the first time that it is asked.
        """
        looks = [self._looks.popleft() for _ in range(len(self._looks))]
        try:
            self._seen = replace(self._robot.observe(images=images or bool(looks)), time=now)
        except RobotError as error:
            for look in looks:
                look.set_exception(error)
            if self._seen is None:
                raise
            self._note(error, now)
            return self._seen, False
        for look in looks:
            look.set_result(self._seen)
        return self._seen, True

    def send(self, action: NDArray[np.float32] | None, now: float, *, fresh: bool) -> None:
        """Send target joint positions (n,), or nothing.

        Args:
            action: where to go.
            now: time [s].
            fresh: whether the robot could be read in this tick.
        """
        try:
            if action is not None:
                self._robot.step(action)
                self.sent = action
        except RobotError as error:
            self._note(error, now)
            return
        if fresh:
            self._failing_since = None

    def _note(self, error: RobotError, now: float) -> None:
        self._on_fault(str(error))
        if self._failing_since is None:
            self._failing_since = now
        if error.lasting or now - self._failing_since > FAULT_SECONDS:
            self._give_up(str(error))
