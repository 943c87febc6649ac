"""The three kinds of limit beside the motion envelope; one file each of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Situation:
    """What is known in a control tick besides the proposed action."""

    time: float
    """Now, on a monotonic clock [s]."""
    measured: Array
    """Joint positions (n,), lerobot units."""
    observed_at: float
    """When they were measured, on the same clock [s]."""
    planned_at: float | None = None
    """When the observation was made that the action was planned from [s]; None where nobody plans."""


class Verdict(NamedTuple):
    """What a monitor demands."""

    cause: str
    """What is wrong, for a person to read; reports count ticks by it, so it holds no figure that changes."""
    latch: bool
    """Whether to stop for good, until somebody resumes; otherwise the arm holds as long as it is wrong."""


class Clamp(ABC):
    """Moves targets to where they may be."""

    name: str
    """How reports call it."""

    @abstractmethod
    def clamp(self, target: Array, situation: Situation) -> Array:
        """Return the permitted target (n,) that is nearest to ``target`` (n,)."""


class Veto(ABC):
    """Forbids configurations of the arm."""

    name: str
    """How reports call it."""

    @abstractmethod
    def violation(self, position: Array) -> float:
        """Return by how much joint positions (n,) violate the limit [m], 0 or less where they keep it."""


class Monitor(ABC):
    """Watches whether it makes sense to move at all."""

    @abstractmethod
    def reset(self) -> None:
        """Forget what was seen; called when the arm starts, and when it resumes."""

    @abstractmethod
    def judge(self, command: Array, situation: Situation) -> Verdict | None:
        """Return what to do in view of the last command (n,) and the situation; None if nothing is wrong."""
