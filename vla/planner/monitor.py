"""Whether a subgoal is reached, told by a model's probabilities for the answers to its question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from vla.errors import ConfigError
from vla.vlm.prompts import NO, UNSEEN, YES

ANSWERS = (YES, NO, UNSEEN)
"""In the order of the probabilities."""
MEASURED = ("push", "stack")
"""Skills whose outcome is a matter of where things are: the model locates them, code compares. Where a thing is not
seen on another one that way, the model is asked, too."""


class Verdict(Enum):
    """What the monitor makes of an answer."""

    REACHED = "reached"
    NOT_REACHED = "not reached"
    UNSURE = "unsure"
    """It can be seen, but not told."""
    OPEN = "open"
    """It cannot be seen, or has not been confirmed."""


@dataclass(frozen=True)
class Monitor:
    """Bands of the probability of yes; what is between them, or cannot be seen, decides nothing.

    Raises:
        ConfigError: the bands overlap, or are no probabilities.
    """

    reached_above: float = 0.7
    """Part of yes in yes and no from which on a subgoal counts as reached."""
    failed_below: float = 0.3
    """Part of yes up to which a subgoal that has run out of time counts as failed."""
    confirmations: int = 1
    """Answers in a row that must say that it is reached."""

    def __post_init__(self) -> None:
        if not 0 <= self.failed_below < self.reached_above <= 1:
            raise ConfigError(
                f"monitor.failed_below={self.failed_below} and monitor.reached_above={self.reached_above} are not "
                "0 <= failed_below < reached_above <= 1"
            )
        if self.confirmations < 1:
            raise ConfigError(f"monitor.confirmations={self.confirmations} must be at least 1")

    def judge(self, probabilities: Sequence[float]) -> Verdict:
        """Return the verdict of the probabilities of `ANSWERS`."""
        yes, no, unseen = probabilities
        if unseen >= max(yes, no):
            return Verdict.OPEN
        share = yes / (yes + no)
        if share >= self.reached_above:
            return Verdict.REACHED
        return Verdict.NOT_REACHED if share <= self.failed_below else Verdict.UNSURE
