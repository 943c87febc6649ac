"""Where an arm rests between subgoals: policies come back there, planners look then, and the loop has the arm wait."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Rest:
    """Tells whether an arm has left the pose in which it was first seen, and whether it is there.

    The gripper, which may hold something by then, is left out of the comparison.

    Args:
        left: how far a joint must be from there for the arm to have left [lerobot units].
        back: how near all joints must be for the arm to be there [lerobot units].
    """

    def __init__(self, left: float, back: float) -> None:
        self._left, self._back = left, back
        self.pose: NDArray[np.floating] | None = None
        """Where the joints were at first (n,), gripper last."""
        self.there = True
        """Whether the arm was there when it was last seen."""
        self.has_left = False
        """Whether it has been away since `begin`."""

    def begin(self) -> None:
        """Another attempt begins."""
        self.has_left = False

    def see(self, state: NDArray[np.floating]) -> None:
        """Take in where the joints are (n,), gripper last."""
        if self.pose is None:
            self.pose = state.copy()
        away = float(np.abs(state[:-1] - self.pose[:-1]).max())
        self.there = away <= self._back
        self.has_left = self.has_left or away >= self._left
