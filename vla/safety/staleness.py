"""Nobody moves on old news: the arm holds while its observation, or the plan it follows, is too old.

A time stamp that is no number, or from the future by as much, tells nothing of the age, and counts as old.
"""

from __future__ import annotations

from vla.safety.limit import Array, Monitor, Situation, Verdict


class StaleObservation(Monitor):
    """Holds while the measured state is older than ``limit`` [s]."""

    def __init__(self, limit: float) -> None:
        self._limit = limit

    def reset(self) -> None:
        """Nothing to forget."""

    def judge(self, command: Array, situation: Situation) -> Verdict | None:
        """Compare the age of the observation."""
        stale = not abs(situation.time - situation.observed_at) <= self._limit
        return Verdict("stale observation", latch=False) if stale else None


class StaleChunk(Monitor):
    """Holds while the observation that the action was planned from is older than ``limit`` [s]."""

    def __init__(self, limit: float) -> None:
        self._limit = limit

    def reset(self) -> None:
        """Nothing to forget."""

    def judge(self, command: Array, situation: Situation) -> Verdict | None:
        """Compare the age of the plan."""
        if situation.planned_at is None:
            return None
        stale = not abs(situation.time - situation.planned_at) <= self._limit
        return Verdict("stale action chunk", latch=False) if stale else None
