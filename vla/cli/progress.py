"""A progress bar on a terminal, a line now and then in a log."""

from __future__ import annotations

from time import monotonic
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LOG_INTERVAL = 20.0
"""Time between lines where the output is not a terminal [s]."""


class Reporter:
    """Shows how far a long job is; use as a context manager.

    Args:
        title: what is being done.
        total: number of steps.
        completed: steps that were done in an earlier run.
    """

    def __init__(self, title: str, total: int, completed: int = 0) -> None:
        self._title = title
        self._total = total
        self._completed = completed
        self._console = Console()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(title, total=total, completed=completed, note="")
        self._started = self._logged = monotonic()
        self._first = completed

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def update(self, completed: int, note: str) -> None:
        """Say how many steps are done, with a remark."""
        self._completed = completed
        self._bar.update(self._task, completed=completed, note=note)
        now = monotonic()
        if self._console.is_terminal or (now - self._logged < LOG_INTERVAL and completed < self._total):
            return
        self._logged = now
        rate = (completed - self._first) / max(now - self._started, 1e-9)
        remaining = f", {(self._total - completed) / rate:.0f} s left" if rate else ""
        print(f"{self._title}: {completed}/{self._total}{remaining}  {note}", flush=True)
