"""What the page shows, for whoever opens it later."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

KEPT = 2000
"""Entries that a page which is opened now gets to see."""


class Journal:
    """Keeps the events of the session and of the console, and the state that follows from them.

    Attributes:
        state: what is so now; pages show it as it is.
        entries: what has happened, oldest first, each with a number ``n``.
        ticks: the newest event `Ticks`.
        box: where the planner sees what is to be approached, None if nowhere.
    """

    def __init__(self) -> None:
        self.state: dict[str, Any] = {"phase": "starting", "message": "", "stopped": "", "command": None}
        self.entries: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.ticks: dict[str, Any] | None = None
        self.box: dict[str, Any] | None = None
        self._count = 0

    def add(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Keep an entry; return it with its number."""
        self._count += 1
        numbered = {**entry, "n": self._count}
        self.entries.append(numbered)
        return numbered

    def follow(self, event: Mapping[str, Any]) -> bool:
        """Bring the state up to date with an event; return whether that changed it."""
        before = dict(self.state)
        match event["event"]:
            case "accepted":
                self.state["command"] = event["command"]
            case "finished" if self.state["command"] == event["command"]:
                self.state["command"] = None
            case "stopped":
                self.state["stopped"] = event["cause"]
            case "resumed":
                self.state["stopped"] = ""
            case "reset":
                self.state["seed"] = event["seed"]
        return self.state != before
