"""The space bar as an emergency stop."""

from __future__ import annotations

import os
import select
import sys
from typing import Any, Self

STOP_KEYS = b" q"


class StopKey:
    """Reads keys from the terminal as they are pressed; use as a context manager.

    Without a terminal on the standard input it does nothing.
    """

    def __init__(self) -> None:
        self._settings: list[Any] | None = None
        self.available = False
        """Whether there is a terminal to press keys on."""

    def __enter__(self) -> Self:
        try:
            import termios
            import tty
        except ImportError:  # not on Windows
            return self
        if sys.stdin is not None and sys.stdin.isatty():
            self._file = sys.stdin.fileno()
            self._settings = termios.tcgetattr(self._file)
            tty.setcbreak(self._file)
            self.available = True
        return self

    def __exit__(self, *exception: object) -> None:
        if self._settings is not None:
            import termios

            termios.tcsetattr(self._file, termios.TCSADRAIN, self._settings)
        self.available = False

    def __call__(self) -> str:
        """Return why to stop, or "" if no stop key was pressed since the last call."""
        if not self.available or not select.select([self._file], [], [], 0)[0]:
            return ""
        return "emergency stop: key" if any(key in STOP_KEYS for key in os.read(self._file, 64)) else ""
