"""Work beside the control loop: in a process of its own, newest request first, restarted when it dies."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Literal, Self

from vla.errors import VlaError
from vla.processes import own_modules_only, start_worker

RESTART_DELAY = 0.5
"""Time before a process that has died is started again [s]."""


@dataclass(frozen=True)
class Reply[Result]:
    """What came of a request."""

    request: int
    """Number that ``submit`` returned."""
    result: Result | None
    """None if it failed."""
    error: str
    """Why it failed; empty if it did not."""
    seconds: float
    """From being submitted to being answered [s]."""


class Sidecar[Request, Result]:
    """A process that answers one request at a time; use as a context manager, or ``close`` it.

    Neither ``submit`` nor ``poll`` ever waits: a thread talks to the process. While it is busy, a further request
    replaces the one that is waiting. ``call`` waits, and nothing replaces its request.

    Args:
        make: called in the process, returns the function that answers. Must be picklable.
        name: for messages.
    """

    def __init__(self, make: Callable[[], Callable[[Request], Result]], name: str) -> None:
        self._make, self.name = make, name
        self._condition = threading.Condition()
        self._waiting: tuple[int, Request, float] | None = None
        self._calls: deque[tuple[Any, Future[Any]]] = deque()
        self._replies: list[Reply[Result]] = []
        self._count = 0
        self._closed = False
        self._process: Any = None
        self.state: Literal["starting", "idle", "busy", "down", "failed"] = "starting"
        """``down`` between the death of the process and its restart; ``failed`` if it cannot be set up."""
        self.failure = ""
        """Why it cannot be set up."""
        self.restarts = 0
        self._thread = threading.Thread(target=self._talk, name=f"{name} sidecar", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Process id, while there is a process."""
        return self._process.pid if self._process is not None else None

    @property
    def dead(self) -> bool:
        """Whether the process has ended, or cannot be set up, and no other one is ready; known at once."""
        return self.state in ("down", "failed") or (self._process is not None and not self._process.is_alive())

    def submit(self, request: Request) -> int:
        """Ask; return the number of the request. One that is still waiting is dropped."""
        with self._condition:
            self._count += 1
            self._waiting = (self._count, request, time.perf_counter())
            self._condition.notify()
            return self._count

    def call(self, request: Any, seconds: float) -> Any:
        """Ask, and wait for the answer; from any thread but one that must not wait. ``poll`` does not see it.

        Raises:
            VlaError: there is no answer within ``seconds``, or the process failed, or died, over it.
        """
        future: Future[Any] = Future()
        with self._condition:
            self._calls.append((request, future))
            self._condition.notify()
        try:
            return future.result(seconds)
        except TimeoutError:
            future.cancel()
            raise VlaError(f"the {self.name} has not answered for {seconds:g} s") from None

    @property
    def free(self) -> bool:
        """Whether a request would be answered at once."""
        return self.state == "idle" and self._waiting is None

    def poll(self) -> Reply[Result] | None:
        """Return the next reply that has come, or None."""
        with self._condition:
            return self._replies.pop(0) if self._replies else None

    def wait_ready(self, seconds: float) -> None:
        """Wait until the process is set up.

        Raises:
            VlaError: it cannot be set up, or not within ``seconds``.
        """
        end = time.monotonic() + seconds
        while self.state == "starting" and time.monotonic() < end and not self._closed:
            time.sleep(0.02)
        if self.state == "failed":
            raise VlaError(self.failure)
        if self.state == "starting":
            late = "closed before it was ready" if self._closed else f"not ready after {seconds:g} s"
            raise VlaError(f"the {self.name} was {late}")

    def close(self) -> None:
        """End the process."""
        with self._condition:
            self._closed = True
            self._condition.notify()
        if self._process is not None:
            self._process.terminate()
        self._thread.join(timeout=5.0)

    def _talk(self) -> None:
        """Run in the thread: keep a process going, and pass requests and replies on."""
        while not self._closed:
            try:
                connection = self._start()
            except VlaError as error:
                self.failure, self.state = str(error), "failed"
                return
            except (EOFError, OSError):
                connection = None
            if connection is not None:
                with contextlib.suppress(EOFError, OSError):
                    self._serve(connection)
            if self._closed:
                break
            self.state = "down"
            self.restarts += 1
            time.sleep(RESTART_DELAY)
        if self._process is not None:
            self._process.terminate()

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_answer, args=(self._make, theirs), name=self.name, daemon=True)
        with own_modules_only():
            process.start()
        self._process = process
        theirs.close()
        if self._closed:
            process.terminate()
        error = ours.recv()
        if error:
            raise VlaError(f"the {self.name} cannot be set up: {error}")
        self.state = "idle"
        return ours

    def _serve(self, connection: Connection) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._closed or self._waiting or self._calls, timeout=0.1)
                waiting, self._waiting = self._waiting, None
                called = None if waiting or not self._calls else self._calls.popleft()
                if self._closed:
                    return
                if waiting is not None or called is not None:
                    self.state = "busy"
            if called is not None:
                self._answer_call(connection, *called)
                continue
            if waiting is None:
                if not self._process.is_alive():
                    return
                continue
            number, request, since = waiting
            connection.send(request)
            result, error = connection.recv()
            with self._condition:
                self._replies.append(Reply(number, result, error, time.perf_counter() - since))
                self.state = "idle"

    def _answer_call(self, connection: Connection, request: Any, future: Future[Any]) -> None:
        result, error = None, f"the {self.name} died"
        try:
            if future.set_running_or_notify_cancel():
                connection.send(request)
                result, error = connection.recv()
        finally:
            self.state = "idle"
            if error and not future.cancelled():
                future.set_exception(VlaError(error))
            elif not future.cancelled():
                future.set_result(result)


def _answer(make: Callable[[], Callable[[Any], Any]], connection: Connection) -> None:
    """Run in the process."""
    start_worker()
    try:
        work = make()
    except Exception as error:
        connection.send(str(error) or type(error).__name__)
        return
    connection.send("")
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        try:
            reply = work(request), ""
        except Exception as error:
            reply = None, f"{type(error).__name__}: {error}"
        connection.send(reply)
