"""Passes on between the pages that are open and the robot's process."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from vla.console.journal import Journal
from vla.console.latch import PRESSED, StopLatch
from vla.console.messages import ASKED_OF_ROBOT, checked
from vla.console.people import People
from vla.console.pictures import Pictures
from vla.errors import ConfigError, VlaError

MOST_UNREAD = 1000
"""Messages that wait for a page; one that takes none is shut out."""


class Page:
    """One open page.

    Args:
        number: of the person who has it open.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.outgoing: asyncio.Queue[str | None] = asyncio.Queue(MOST_UNREAD)
        """JSON on its way to it; None ends it."""

    def put(self, text: str) -> None:
        """Send a message, unless the page does not take any."""
        try:
            self.outgoing.put_nowait(text)
        except asyncio.QueueFull:
            while not self.outgoing.empty():
                self.outgoing.get_nowait()
            self.outgoing.put_nowait(None)


class Hub:
    """Lives in the thread of the server's event loop.

    Args:
        latch: the stop button. Whoever presses it stops the arm, before anything else is done.
        ask_robot: passes a request on to the robot's process; must not wait.
    """

    def __init__(self, latch: StopLatch, ask_robot: Callable[[dict[str, Any]], None]) -> None:
        self._latch, self._ask_robot = latch, ask_robot
        self.journal, self.people, self.pictures = Journal(), People(), Pictures()
        self.pages: set[Page] = set()
        self.scene: bytes | None = None
        """Geometry of the scene as JSON."""
        self.poses: tuple[bytes, int] = b"", 0
        """Of its bodies, float32 (b, 7), and how many have come."""
        self._watchers: dict[object, tuple[bool, bool]] = {}
        self._watched = False, False

    # -- from pages --------------------------------------------------------------------------------------------------

    def enter(self, secret: str) -> Page:
        """Let a page in; it is told all that others know."""
        page = Page(self.people.enter(secret))
        self.pages.add(page)
        journal = self.journal
        hello = {"kind": "hello", "you": page.number, "state": self.state(), "entries": list(journal.entries)}
        page.put(json.dumps({**hello, "ticks": journal.ticks, "box": journal.box, "people": self.people.as_json()}))
        self._tell_people()
        return page

    def leave(self, page: Page) -> None:
        """Forget a page."""
        self.pages.discard(page)
        self.people.leave(page.number)
        self._tell_people()

    def take(self, page: Page, message: Mapping[str, Any]) -> None:
        """Do what a page asks for."""
        if message.get("do") == "stop":
            self.stop(page.number)
            return
        try:
            self._do(page, message)
        except VlaError as error:
            self._notice(page, str(error), message)

    def stop(self, number: int | None) -> None:
        """Stop the arm, for whoever asks."""
        already = self.state()["stopped"]
        self._latch.press()
        if not already:
            self._add({"event": "note", "time": time.time(), "text": f"Stop pressed{_by(number)}"})
        self._tell_state()

    def watch(self, watcher: object, cameras: bool, scene: bool) -> None:
        """Note what somebody looks at; what nobody looks at is not rendered."""
        self._watchers[watcher] = cameras, scene
        self._tell_watched()

    def unwatch(self, watcher: object) -> None:
        """Note that somebody looks no more."""
        self._watchers.pop(watcher, None)
        self._tell_watched()

    def _do(self, page: Page, message: Mapping[str, Any]) -> None:
        people, number = self.people, page.number
        match message:
            case {"do": "ask for command"}:
                people.ask(number)
            case {"do": "hand over", "to": int(to)}:
                people.hand_over(number, to)
            case {"do": "decline"}:
                people.decline(number)
            case {"do": str(what)} if what in ASKED_OF_ROBOT:
                people.require(number)
                if self.journal.state["phase"] in ("failed", "starting") and what != "robot":
                    raise ConfigError("there is no robot yet")
                self._ask_robot(checked(message) | {"by": number})
                return
            case _:
                checked(message)
        self._tell_people()

    # -- from the robot's process --------------------------------------------------------------------------------------

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take in what the robot's process says."""
        match message:
            case {"kind": "event", "event": {"event": "ticks"} as event}:
                self.journal.ticks = event
                self._tell({"kind": "ticks", "ticks": event})
            case {"kind": "event", "event": event}:
                self._add(event)
                if self.journal.follow(event):
                    self._tell_state()
            case {"kind": "state", "state": state}:
                self.journal.state |= state
                self._tell_state()
            case {"kind": "box", "box": box}:
                self.journal.box = box
                self._tell({"kind": "box", "box": box})
            case {"kind": "poses", "poses": poses}:
                self.poses = poses, self.poses[1] + 1
            case {"kind": "scene", "scene": scene}:
                self.scene = None if scene is None else json.dumps(scene).encode()
            case {"kind": "board", "address": address}:
                self.pictures.look_at(address)
            case {"kind": "notice", "to": to, "text": text, "request": request}:
                for page in self.pages:
                    if page.number == to:
                        self._notice(page, text, request)

    # -- to pages ------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return what is so now."""
        state = self.journal.state
        return state | {"stopped": state["stopped"] or (PRESSED if self._latch() else "")}

    def close(self) -> None:
        """End all pages' connections."""
        for page in self.pages:
            page.put("")
            page.outgoing.put_nowait(None)

    def _add(self, entry: Mapping[str, Any]) -> None:
        self._tell({"kind": "entry", "entry": self.journal.add(entry)})

    def _tell_state(self) -> None:
        self._tell({"kind": "state", "state": self.state()})

    def _tell_people(self) -> None:
        self._tell({"kind": "people", "people": self.people.as_json()})

    def _tell_watched(self) -> None:
        watched = tuple(any(one[i] for one in self._watchers.values()) for i in range(2))
        if watched != self._watched:
            self._watched = watched
            self._ask_robot({"do": "watch", "cameras": watched[0], "scene": watched[1]})

    def _notice(self, page: Page, text: str, request: Mapping[str, Any]) -> None:
        page.put(json.dumps({"kind": "notice", "text": text, "about": request.get("do", "")}))

    def _tell(self, message: Mapping[str, Any]) -> None:
        text = json.dumps(message)
        for page in self.pages:
            page.put(text)


def _by(number: int | None) -> str:
    return "" if number is None else f" by person {number}"
