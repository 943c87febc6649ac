"""Is the server still there? One process asks it all the time, another one, which moves the arm, is told."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Protocol

from vla.errors import VlaError

RETRY_SECONDS = 0.5
"""Between attempts to make a lost link again [s]."""
_BEAT = struct.Struct("d")
_LOST = 0.0


class Pingable(Protocol):
    """One end of a link; see `vla.serve.client.RemotePolicy`."""

    def ping(self, seconds: float) -> bool:
        """Whether the other end answers within ``seconds``; raises a VlaError when the link is down."""
        ...

    def drop(self) -> None:
        """Give the link up."""
        ...


class Heartbeat:
    """Pings over a link from a thread, makes the link again when it is lost, and tells a `LinkWatch`.

    Args:
        link: what to ping.
        told: end of a pipe whose other end the watch reads.
        period: time from an answer to the next ping [s].
        lost_after: a link that has been silent for so long is given up [s].
    """

    def __init__(self, link: Pingable, told: Connection, period: float, lost_after: float) -> None:
        self._link, self._told = link, told
        self._period, self._lost_after = period, lost_after
        self._tell(time.monotonic())
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._end.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while not self._end.wait(self._period):
            try:
                if self._link.ping(self._lost_after):
                    self._tell(time.monotonic())
                else:
                    self._tell(_LOST)
                    self._link.drop()
            except VlaError:
                self._tell(_LOST)
                self._end.wait(RETRY_SECONDS)

    def _tell(self, alive_at: float) -> None:
        try:
            self._told.send_bytes(_BEAT.pack(alive_at))
        except OSError:  # nobody listens any more
            self._end.set()


class LinkWatch:
    """Knows for how long a link has been silent; the end of the process that pings counts as silence, too.

    Args:
        told: end of the pipe that a `Heartbeat` writes to.
        clock: system-wide monotonic time [s].
    """

    def __init__(self, told: Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self._told, self._clock = told, clock
        self._alive_at = _LOST

    def silence(self) -> float:
        """Return the time since the server was last heard of [s]; infinite when the link is known to be down."""
        while self._told.poll():
            (self._alive_at,) = _BEAT.unpack(self._told.recv_bytes())
        return float("inf") if self._alive_at == _LOST else self._clock() - self._alive_at
