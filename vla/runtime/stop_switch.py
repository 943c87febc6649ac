"""Who may stop the arm from outside: a signal (Ctrl-C), a file that appears, and whatever else one likes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Protocol, Self


class Latch(Protocol):
    """A stop button that stays pressed."""

    def __call__(self) -> str:
        """Return why to stop, or "" while it is not pressed; must not wait for anything."""
        ...

    def release(self) -> None:
        """Forget that it was pressed."""
        ...


class StopSwitch:
    """Latches the first request to stop; call it to ask. As a context manager it hears signals, too.

    A second Ctrl-C interrupts the program, in case it does not get round to stopping.

    Args:
        file: stops when this file exists; None for no such file.
        *sources: each returns why to stop, or "".
    """

    def __init__(self, file: Path | None = None, *sources: Callable[[], str]) -> None:
        self._file, self._sources = file, sources
        self._cause = ""
        self._signals = 0
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
        for source in self._sources:
            self._cause = self._cause or source()
        return self._cause

    def press(self, cause: str) -> None:
        """Stop; from any thread."""
        self._cause = self._cause or cause

    def release(self) -> str:
        """Forget what was asked for; return what still asks for a stop, or "".

        Sources that latch themselves must have been released before.
        """
        self._cause, self._signals = "", 0
        return self()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._cause = self._cause or f"emergency stop: {signal.Signals(number).name}"
        self._signals += 1
        if self._signals > 1:
            raise KeyboardInterrupt
