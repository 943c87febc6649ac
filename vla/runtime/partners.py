"""What the control loop talks to: how it asks planner and policy, and what it needs of a safety filter."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from vla.types import Observation, Subgoal, SubgoalResult


class PlannerRequest(NamedTuple):
    """What a planner is asked with."""

    observation: Observation
    instruction: str
    history: tuple[SubgoalResult, ...]
    """The subgoals of this episode that have ended, oldest first."""
    episode: int
    """Another number is another episode, also when the words are the same."""


PolicyRequest = tuple[Observation, Subgoal]
"""What a policy is asked with."""


class Safety(Protocol):
    """The part of a safety filter that the loop needs; see ``vla.safety``."""

    @property
    def stopped(self) -> str:
        """Why the arm is stopped for good; empty if it is not."""
        ...

    def guard(
        self, proposal: NDArray | None, observation: Observation, time: float, planned_at: float | None
    ) -> NDArray[np.float32] | None:
        """Return what to send (n,) for a proposal (n,) or for none; None to send nothing."""
        ...

    def stop(self, cause: str) -> None:
        """Stop for good."""
        ...

    @property
    def at_rest(self) -> bool:
        """Whether the commands stand still."""
        ...
