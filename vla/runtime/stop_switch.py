"""Who may stop the arm from outside: a signal (Ctrl-C), and a file that appears."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import Self


class StopSwitch:
    """Latches the first request to stop; use as a context manager, and call it to ask.

    Args:
        file: stops when this file exists; None for no such file.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._cause = ""
        self._previous: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def __call__(self) -> str:
        """Return why to stop, or "" to go on."""
        if not self._cause and self._file is not None and self._file.exists():
            self._cause = f"emergency stop: {self._file} exists"
        return self._cause

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._cause = self._cause or f"emergency stop: {signal.Signals(number).name}"
