"""Turns a planner's answers into a sequence of subgoals, each with a beginning, an end and an outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from vla.types import Done, Hold, Plan, Refuse, Subgoal, SubgoalResult

MAX_TIMEOUTS = 3
"""It is over when subgoals of the same text have run out of time this often."""


class PlanFollower:
    """Knows what is pursued now, what became of what was pursued before, and whether it is over.

    Args:
        on_begin: called with each new subgoal.
        on_end: called with each result.
        achieved: tells of a subgoal whether it is reached, as far as somebody knows.
    """

    def __init__(
        self,
        on_begin: Callable[[Subgoal], None],
        on_end: Callable[[SubgoalResult], None],
        achieved: Callable[[Subgoal], bool | None] | None = None,
    ) -> None:
        self._on_begin, self._on_end, self._achieved = on_begin, on_end, achieved
        self._timeouts: Counter[str] = Counter()
        self._start = 0.0
        self.subgoal: Subgoal | None = None
        """What is pursued; None before the first answer, and between a subgoal that ended and the next answer."""
        self.history: list[SubgoalResult] = []
        self.done = False
        """Whether the planner has said that everything is carried out."""
        self.ended = False
        """Whether the planner has said that it is done or refused, or a subgoal has run out of time too often."""
        self.refused = False
        self.reason = ""
        """Why it ended, unless it is done."""
        self.unclear = ""
        """Why the planner holds, if it does."""

    @property
    def failed_last(self) -> bool:
        """Whether the last subgoal that ended was not reached."""
        return bool(self.history) and self.history[-1].outcome != "reached"

    def follow(self, plan: Plan, time: float) -> None:
        """Take in an answer at ``time`` [s]; the same text updates the box of the subgoal, unless that has failed."""
        current = self.subgoal
        self.unclear = plan.reason if isinstance(plan, Hold) else ""
        match plan:
            case Subgoal(text=text, after="reached") if current is not None and text == current.text:
                self.subgoal = replace(current, box=plan.box)
            case Subgoal(after=after):
                self.end_subgoal(after, time)
                self.subgoal, self._start = plan, time
                self._on_begin(plan)
            case Hold(after=after):
                self.end_subgoal(after, time)
            case Done():
                self.end_subgoal("reached", time)
                self.ended = self.done = True
            case Refuse(reason=reason):
                self.end_subgoal("failed", time, reason)
                self.ended = self.refused = True
                self.reason = reason

    def check_time_limit(self, time: float) -> bool:
        """End the subgoal if its time is up; return whether it is, so that the planner is to be asked."""
        subgoal = self.subgoal
        if subgoal is None or time - self._start < subgoal.time_limit:
            return False
        self.end_subgoal("timeout", time)
        self._timeouts[subgoal.text] += 1
        if self._timeouts[subgoal.text] == MAX_TIMEOUTS:
            self.ended = True
            self.reason = f"{subgoal.skill} timed out {MAX_TIMEOUTS} times"
        return True

    def end_subgoal(self, outcome: Literal["reached", "failed", "timeout"], time: float, reason: str = "") -> None:
        """End the present subgoal, if there is one."""
        if self.subgoal is None:
            return
        achieved = None if self._achieved is None else self._achieved(self.subgoal)
        result = SubgoalResult(self.subgoal, outcome, self._start, time, reason, achieved)
        self.subgoal = None
        self.history.append(result)
        self._on_end(result)
