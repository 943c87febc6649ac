"""Tells in events what the control loop does."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from vla.runtime import events
from vla.runtime.events import Event, Outcome
from vla.types import Subgoal, SubgoalResult

TICKS_PERIOD = 1.0
"""Time between `Ticks` [s]."""
HOLD_SECONDS = 0.4
"""A wait shorter than this is not told: there is one at every subgoal [s]."""
FAULT_PAUSE = 2.0
"""A fault that comes back within this time is not told again [s]."""


class LoopEvents:
    """Called by the loop, in its thread.

    Args:
        emit: is given each event; must not take long.
        interventions: returns the ticks in which the safety filter has changed something so far, by cause.
    """

    def __init__(
        self,
        emit: Callable[[Event], None] = lambda event: None,
        interventions: Callable[[], Mapping[str, int]] = lambda: {},
    ) -> None:
        self._emit, self.interventions = emit, interventions
        self.command: int | None = None
        """Number of the instruction that is carried out."""
        self.instruction = ""
        """Its words, or those of the one before."""
        self.cause = ""
        """Why the arm is stopped; empty if it is not."""
        self._faults: dict[tuple[str, str], float] = {}
        self.begin()

    def accepted(self, command: int, instruction: str) -> None:
        """An instruction is taken up."""
        self.command, self.instruction = command, instruction
        self.begin()
        self._emit(events.Accepted(time.time(), command, instruction))

    def planned(self, subgoal: Subgoal) -> None:
        """A subgoal begins."""
        self._subgoal, self._running = subgoal, False
        self._number += 1
        self._emit_subgoal("planned")

    def ended(self, result: SubgoalResult) -> None:
        """The subgoal has ended."""
        self._reached += result.outcome == "reached"
        cut_short = result.outcome == "timeout" and result.reason  # its own time was not up
        self._emit_subgoal(
            "failed" if cut_short else result.outcome, result.reason, result.end_time - result.start_time
        )

    def acts(self) -> None:
        """An action of the policy is played in this tick."""
        if not self._running:
            self._running = True
            self._emit_subgoal("running")
        self._waiting_since = None
        self._tell_holding("")

    def waits(self, reason: str, now: float) -> None:
        """There is nothing to play in this tick."""
        self._held += 1
        if self._waiting_since is None:
            self._waiting_since = now
        if now - self._waiting_since >= HOLD_SECONDS:
            self._tell_holding(reason)

    def answered(self, part: str, seconds: float) -> None:
        """Planner or policy has answered."""
        self._answers[part].append(seconds)

    def failed(self, part: Literal["robot", "planner", "policy"], message: str) -> None:
        """Something has failed, for the first time or again."""
        last, self._faults[part, message] = self._faults.get((part, message), -np.inf), time.monotonic()
        if time.monotonic() - last > FAULT_PAUSE:
            self._emit(events.Fault(time.time(), part, message))

    def ticked(self, now: float, lateness: float, missed: int) -> None:
        """A tick has begun.

        Args:
            now: time of the loop [s].
            lateness: by how much it came too late [s].
            missed: ticks that the loop has skipped since it was made.
        """
        if self._ticks == 0:
            self._begun_at = self._told_at = now
            self._missed_before = missed
        self._ticks += 1
        self._now, self._missed = now, missed - self._missed_before
        self._lateness.append(lateness)
        if now - self._told_at >= TICKS_PERIOD:
            self._told_at = now
            self._emit_ticks()

    def stopped(self, cause: str) -> None:
        """The arm is stopped."""
        if not self.cause:
            self.cause = cause
            self._emit(events.Stopped(time.time(), cause))

    def resumed(self) -> None:
        """The stop is lifted."""
        self.cause = ""
        self._emit(events.Resumed(time.time()))

    def finished(self, outcome: Outcome, reason: str) -> None:
        """The instruction is over."""
        assert self.command is not None
        if outcome == "refused":
            self._emit(events.Refused(time.time(), self.command, reason))
        self._emit(
            events.Finished(
                time=time.time(),
                command=self.command,
                instruction=self.instruction,
                outcome=outcome,
                reason=reason,
                seconds=self._now - self._begun_at,
                ticks=self._ticks,
                missed=self._missed,
                held=self._held,
                reached=self._reached,
                interventions=self._changed(),
            )
        )
        self.command = None
        self.begin()

    def begin(self) -> None:
        """Count from nothing, as for another loop."""
        self._number = self._reached = self._ticks = self._missed = self._held = self._missed_before = 0
        self._now = self._begun_at = self._told_at = 0.0
        self._subgoal: Subgoal | None = None
        self._running = False
        self._waiting_since: float | None = None
        self._told_reason = ""
        self._lateness: list[float] = []
        self._answers: dict[str, list[float]] = {"policy": [], "planner": []}
        self._before = Counter(self.interventions())

    def _changed(self) -> Mapping[str, int]:
        """Return the filter's interventions since the instruction was taken up."""
        return dict(Counter(self.interventions()) - self._before)

    def _tell_holding(self, reason: str) -> None:
        if reason != self._told_reason and self.command is not None:
            self._told_reason = reason
            self._emit(events.Holding(time.time(), self.command, reason))

    def _emit_subgoal(self, state: events.SubgoalState, reason: str = "", seconds: float = 0.0) -> None:
        if self._subgoal is not None and self.command is not None:
            self._emit(
                events.SubgoalChanged(time.time(), self.command, self._number, state, self._subgoal, reason, seconds)
            )

    def _emit_ticks(self) -> None:
        policy, planner = (_milliseconds(self._answers[part], 50) for part in ("policy", "planner"))
        self._emit(
            events.Ticks(
                time=time.time(),
                command=self.command,
                ticks=self._ticks,
                missed=self._missed,
                held=self._held,
                late_ms=_milliseconds(self._lateness, 99) or 0.0,
                policy_ms=policy,
                planner_ms=planner,
                interventions=self._changed(),
            )
        )
        self._lateness, self._answers = [], {"policy": [], "planner": []}


def _milliseconds(seconds: list[float], percent: float) -> float | None:
    return 1e3 * float(np.percentile(seconds, percent)) if seconds else None
