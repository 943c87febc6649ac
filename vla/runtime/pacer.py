"""Keeps a fixed rate on a monotonic clock, and an account of how well."""

from __future__ import annotations

import time

import numpy as np

SPIN = 0.0005
"""The last part of a wait is spent asking for the time, since sleeping overshoots [s]."""


class Pacer:
    """Ticks at multiples of a period.

    A tick that comes too late to be followed by the next one in time shifts nothing: ticks that have been missed are
    skipped and counted, and the following one is at a multiple of the period again.

    Args:
        control_hz: ticks a second.
    """

    def __init__(self, control_hz: float) -> None:
        self.period = 1.0 / control_hz
        self._start: float | None = None
        self._tick = 0
        self.lateness: list[float] = []
        """By how much each tick came too late [s]."""
        self.missed = 0
        """Ticks that were skipped."""

    def wait(self) -> float:
        """Sleep until the next tick; return the time since the first one [s]."""
        now = time.perf_counter()
        if self._start is None:
            self._start = now
        else:
            self._tick += 1
            due = int((now - self._start) / self.period)
            if due > self._tick:
                self.missed += due - self._tick
                self._tick = due
        target = self._start + self._tick * self.period
        while (left := target - time.perf_counter()) > 0:
            if left > SPIN:
                time.sleep(left - SPIN)
        elapsed = time.perf_counter() - self._start
        self.lateness.append(elapsed - self._tick * self.period)
        return elapsed

    def forget(self) -> None:
        """Begin another account of lateness; the rate goes on."""
        self.lateness = []

    @property
    def ticks(self) -> int:
        """Ticks in the account."""
        return len(self.lateness)

    def percentile(self, percent: float) -> float:
        """Return a percentile of the lateness [s]."""
        return float(np.percentile(self.lateness, percent)) if self.lateness else 0.0
