"""The page's stop button."""

from __future__ import annotations

import multiprocessing

PRESSED = "stop button of the console"


class StopLatch:
    """Numbers that two processes share: nothing queues between whoever presses and the watchdog that looks at it.

    Hand it to the other process as an argument when that is started. To lift a stop takes `excuse` and then `release`,
    which may come much later, when the arm rests: whoever presses in between is not overheard.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._presses, self._lifted = context.RawValue("Q"), context.RawValue("Q")
        self._excused = 0

    def __call__(self) -> str:
        """Return why to stop, or "" while it is not pressed."""
        return PRESSED if self._presses.value > self._lifted.value else ""

    def press(self) -> None:
        """Stop the arm."""
        self._presses.value += 1

    def excuse(self) -> None:
        """Let the next `release` lift the presses so far."""
        self._excused = self._presses.value

    def release(self) -> None:
        """Lift the presses that were excused."""
        self._lifted.value = self._excused
