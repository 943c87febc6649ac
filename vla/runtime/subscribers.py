"""What watches an episode without taking part in it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vla.types import EpisodeResult, Observation, Subgoal, SubgoalResult


class Subscriber(Protocol):
    """Called by the loop in the order of the methods below."""

    wants_frames: bool
    """Whether ``on_tick`` needs frames; a simulation renders every tick then."""

    def on_start(self, instruction: str) -> None:
        """An episode begins; in the real-time loop the one before may have been given up for it, without an end."""
        ...

    def on_tick(self, observation: Observation, subgoal: Subgoal | None, action: NDArray[np.float32] | None) -> None:
        """One control tick.

        Args:
            observation: what was sensed before acting.
            subgoal: what is pursued; None while the planner has not answered yet and the arm holds still.
            action: the intended target joint positions (n,), lerobot units; None where nobody should
                imitate the motion.
        """
        ...

    def on_subgoal_end(self, result: SubgoalResult) -> None:
        """A subgoal was reached, failed or ran out of time."""
        ...

    def on_end(self, result: EpisodeResult) -> None:
        """The episode is over."""
        ...
