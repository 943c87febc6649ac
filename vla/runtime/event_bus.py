"""Passes events on to any number of listeners, none of which can hold up whoever tells them, or each other."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Self

from vla.runtime.events import Event, Finished, Ticks

KEPT_TICKS = 30
"""`Ticks` that wait for a slow listener; older ones are dropped, as each counts from the start."""


class Listener:
    """Iterates over events as they come, from one thread; made by `EventBus.listen`.

    It keeps every event until it is asked for it, except for `Ticks`, of which the oldest are dropped. Close it, or use
    it as a context manager, when it is not wanted any more.
    """

    def __init__(self, bus: EventBus, command: int | None) -> None:
        self._bus, self._command = bus, command
        self._condition = threading.Condition()
        self._events: deque[tuple[int, Event]] = deque()
        self._ticks: deque[tuple[int, Event]] = deque(maxlen=KEPT_TICKS)
        self._count = 0
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        while (event := self.get()) is not None:
            yield event

    def get(self, timeout: float | None = None) -> Event | None:
        """Return the next event; None when there will be none, or none within ``timeout`` [s]."""
        with self._condition:
            self._condition.wait_for(lambda: self._events or self._ticks or self._closed, timeout)
            waiting = [queue for queue in (self._events, self._ticks) if queue]
            return min(waiting, key=lambda queue: queue[0][0]).popleft()[1] if waiting else None

    def close(self) -> None:
        """Take no further events; those that have come can still be had."""
        self._bus.forget(self)
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def offer(self, event: Event) -> bool:
        """Take an event in if it is wanted; return whether it was the last one that is. For the bus."""
        about = getattr(event, "command", None)
        if self._command is not None and about not in (None, self._command):
            return False
        with self._condition:
            self._count += 1
            (self._ticks if isinstance(event, Ticks) else self._events).append((self._count, event))
            self._condition.notify_all()
        return isinstance(event, Finished) and event.command == self._command


class EventBus:
    """Takes events from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._closed = False

    def publish(self, event: Event) -> None:
        """Pass an event on; never waits for a listener."""
        with self._lock:
            listeners = tuple(self._listeners)
        for listener in listeners:
            if listener.offer(event):
                listener.close()

    def listen(self, command: int | None = None) -> Listener:
        """Return a listener to what happens from now on.

        Args:
            command: number of the instruction that it is to hear of, up to its `Finished`, with what concerns all;
                None for everything.
        """
        listener = Listener(self, command)
        with self._lock:
            if not self._closed:
                self._listeners.append(listener)
                return listener
        listener.close()
        return listener

    def forget(self, listener: Listener) -> None:
        """Pass nothing on to a listener any more."""
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)

    def close(self) -> None:
        """Let all listeners end once they have heard what has come."""
        with self._lock:
            self._closed = True
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener.close()
