"""The process that serves the page, as the robot's process sees it."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from typing import Any, Self

from vla.console.access import Access
from vla.console.latch import StopLatch
from vla.errors import ConfigError
from vla.processes import own_modules_only

START_SECONDS = 60.0
"""Longest time until the page is there [s]."""
END_SECONDS = 3.0


class PageProcess:
    """Use as a context manager.

    Args:
        access: who may open the page.
        port: TCP port; 0 takes a free one.

    Attributes:
        latch: the page's stop button.

    Raises:
        ConfigError: on entering, if the port cannot be used.
    """

    def __init__(self, access: Access, port: int) -> None:
        self._access, self.port = access, port
        self.latch = StopLatch()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        from vla.console.server import serve

        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=serve, args=(self._access, self.port, self.latch, theirs), name="console page", daemon=True
        )
        with own_modules_only():
            self._process.start()
        theirs.close()
        try:
            port, failure = (
                self._connection.recv() if self._connection.poll(START_SECONDS) else (0, "it does not start")
            )
        except EOFError:
            port, failure = 0, "its process died"
        if failure:
            self.__exit__()
            raise ConfigError(f"port={self.port} cannot be used at {self._access.host}: {failure}")
        self.port = port
        return self

    def __exit__(self, *exception: object) -> None:
        self.send({"kind": "end"})
        self._process.join(END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        with self._lock:
            self._connection.close()

    @property
    def url(self) -> str:
        """What to open in a browser."""
        return self._access.url(self.port)

    def send(self, message: dict[str, Any]) -> None:
        """Tell the page something; from any thread. One whose process has died hears nothing."""
        with self._lock:
            try:
                self._connection.send(message)
            except OSError:
                return

    def requests(self) -> Iterator[dict[str, Any]]:
        """Yield what pages ask for, until the process ends."""
        while True:
            try:
                yield self._connection.recv()
            except (EOFError, OSError):
                return
