"""The way of the joints to a pose, and to where instructions and subgoals begin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vla.types import Subgoal

SETTLE_SECONDS = 1.0
"""Time that the arm is given to come to rest [s]."""
SPEED = 60.0
"""Of the joint that has furthest to go [units/s]."""
NEAR = 5.0
"""Joints this close to the ready pose need not go there [units]."""
ARRIVED = 10.0
"""Joints this close to where they were sent have got there, gravity allowed for [units]."""


class Approach:
    """A straight line at constant speed, and then time to come to rest.

    Args:
        start: where the joints are (n,).
        pose: where they are to go (n,); NaN for a joint that stays.
        speed: of the joint that has furthest to go [units/s].
        time: when the motion begins [s].
    """

    def __init__(self, start: NDArray, pose: NDArray, speed: float, time: float) -> None:
        self._start, self._begun = start, time
        self._pose = np.where(np.isnan(pose), start, pose)
        self._seconds = distance(start, pose) / speed

    def at(self, time: float) -> NDArray:
        """Return where the joints are to be at ``time`` (n,)."""
        part = min(1.0, (time - self._begun) / max(self._seconds, 1e-6))
        return self._start + part * (self._pose - self._start)

    def over(self, time: float) -> bool:
        """Whether the arm should be there by now, and at rest."""
        return time - self._begun > self._seconds + SETTLE_SECONDS


class Preparation:
    """Takes the arm to where an instruction is to begin, and its gripper to where a subgoal is, unless it is there.

    Args:
        ready: where instructions begin (n,), NaN for joints that stay as they were told last: a grip is a command
            beyond what is measured. None to begin wherever the arm is.
    """

    def __init__(self, ready: NDArray | None = None) -> None:
        self._ready = ready
        self.restart()

    def restart(self) -> None:
        """Another instruction begins."""
        self._approach: Approach | None = None
        self._grip: float | None = None
        self.over = self._ready is None
        """Whether the arm is there, or should be."""

    def begin(self, subgoal: Subgoal) -> None:
        """Another subgoal begins."""
        self._approach, self._grip = None, subgoal.grip
        self.over = subgoal.grip is None

    def next(self, state: NDArray, sent: NDArray | None, time: float) -> NDArray | None:
        """Return where to be at ``time`` (n,); None once it is over.

        Args:
            state: where the joints are (n,).
            sent: what they were told last (n,), if anything.
            time: of this tick [s].
        """
        if self.over:
            return None
        if self._approach is None:
            pose = self._ready if self._grip is None else np.append(np.full(len(state) - 1, np.nan), self._grip)
            assert pose is not None
            start = state if sent is None else np.where(np.isnan(pose), sent, state)
            self.over = distance(start, pose) <= NEAR
            self._approach = Approach(start, pose, SPEED, time)
        self.over = self.over or self._approach.over(time)
        return None if self.over else self._approach.at(time)


def distance(state: NDArray, pose: NDArray) -> float:
    """Return how far the joint with the longest way has to go [units]; NaN in ``pose`` stands for one that stays."""
    return float(np.nan_to_num(np.abs(pose - state)).max())
