"""The way of the joints to a pose, and to where instructions and subgoals begin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vla.types import Subgoal

SETTLE_SECONDS = 1.0
"""Time that the arm is given to come to rest [s]."""
SPEED = 60.0
"""Of the joint that has furthest to go [units/s]."""
NEAR = 1.0
"""Joints this close to where they are to be are there [units]."""
GAIN = 0.15
"""Part of what is missing at the end of the way that is added in each tick to what the joints are told."""
LARGEST_CORRECTION = 8.0
"""Most that is added [units]."""
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

    def arrived(self, time: float) -> bool:
        """Whether the line is at its end."""
        return time - self._begun >= self._seconds

    def over(self, time: float) -> bool:
        """Whether the arm should be there by now, and at rest."""
        return time - self._begun > self._seconds + SETTLE_SECONDS


class Preparation:
    """Takes the arm to where an instruction is to begin, and back there before another attempt at a subgoal.

    Servos give way to weight: an arm rests a little below where it was told to be, while policies begin where their
    demonstrations did. At the end of its way, what the joints are told is corrected by where they are.

    Args:
        ready: where instructions begin (n,), NaN for joints that stay as they were told last: a grip is a command
            beyond what is measured. None to begin wherever the arm is.
        lasting: keep the arm there until a subgoal begins.
    """

    def __init__(self, ready: NDArray | None = None, *, lasting: bool = False) -> None:
        self._ready, self._lasting = ready, lasting
        self.restart()

    def restart(self) -> None:
        """Another instruction begins."""
        self._home = self._pose = self._ready
        self._begin(keeps=self._lasting)

    def begin(self, subgoal: Subgoal, *, again: bool) -> None:
        """Another subgoal begins, after one that was not reached if ``again``; the arm has been seen before."""
        pose = None
        if self._home is not None and (again or subgoal.grip is not None):
            pose = self._home.copy() if again else np.full_like(self._home, np.nan)
            pose[-1] = np.nan if subgoal.grip is None else subgoal.grip
        self._pose = pose
        self._begin(keeps=False)

    def _begin(self, *, keeps: bool) -> None:
        self._approach: Approach | None = None
        self._keeps = keeps
        self.over = self._pose is None
        """Whether the arm is there, or should be."""

    @property
    def moves(self) -> bool:
        """Whether the arm is on its way there."""
        return self._approach is not None and not self._keeps and not self.over

    def next(self, state: NDArray, sent: NDArray | None, time: float) -> NDArray | None:
        """Return where to be at ``time`` (n,); None once it is over.

        Args:
            state: where the joints are (n,).
            sent: what they were told last (n,), if anything.
            time: of this tick [s].
        """
        if self._home is None:
            self._home = state.copy()
        if self.over or self._pose is None:
            return None
        if self._approach is None:
            start = state if sent is None else np.where(np.isnan(self._pose), sent, state)
            self._approach, self._correction = Approach(start, self._pose, SPEED, time), np.zeros_like(start)
        if not self._keeps:
            self.over = distance(state, self._pose) <= NEAR or self._approach.over(time)
            if self.over:
                return None
        if self._approach.arrived(time):
            error = np.nan_to_num(self._pose - state)
            self._correction = np.clip(self._correction + GAIN * error, -LARGEST_CORRECTION, LARGEST_CORRECTION)
        return self._approach.at(time) + self._correction


def distance(state: NDArray, pose: NDArray) -> float:
    """Return how far the joint with the longest way has to go [units]; NaN in ``pose`` stands for one that stays."""
    return float(np.nan_to_num(np.abs(pose - state)).max())
