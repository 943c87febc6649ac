"""Ctrl-C that acts at once, whatever the main thread does: Python's own handlers wait until it gets round to them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
RETRY = 0.05
"""Time between attempts to wake the main thread, which misses a signal just before it begins to wait [s]."""
_END = b"\0"


@contextmanager
def interrupts(act: Callable[[int], bool]) -> Iterator[None]:
    """Call ``act`` with the number of each SIGINT or SIGTERM; to be used in the main thread.

    Args:
        act: called in a thread of its own; returns whether the main thread is to be interrupted.

    Raises:
        KeyboardInterrupt: in the main thread, also where it waits for input, once ``act`` has said so.
    """
    leaving, noticed = threading.Event(), threading.Event()
    main = threading.get_ident()
    ear, mouth = os.pipe()
    os.set_blocking(mouth, False)

    def handle(number: int, frame: FrameType | None) -> None:
        if leaving.is_set():
            noticed.set()
            raise KeyboardInterrupt

    def listen() -> None:
        while (heard := os.read(ear, 1)) != _END:
            if not leaving.is_set() and act(heard[0]):
                leaving.set()
                while not noticed.wait(RETRY):
                    signal.pthread_kill(main, signal.SIGINT)  # ends what the main thread waits for

    previous = {number: signal.signal(number, handle) for number in SIGNALS}
    before = signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
    listener = threading.Thread(target=listen, name="interrupts", daemon=True)
    listener.start()
    try:
        yield
    finally:
        noticed.set()
        signal.set_wakeup_fd(before)
        for number, handler in previous.items():
            signal.signal(number, handler)
        os.write(mouth, _END)
        listener.join()
        os.close(ear)
        os.close(mouth)
