"""What every process does that another one of ours has started, and which threads go before others."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Iterator
from contextlib import ContextDecorator, contextmanager, suppress
from typing import Self

SWITCH_INTERVAL = 5e-4
"""How long another thread may keep the interpreter from one that must not come late [s]; usually it is 5 ms."""
_SWAP = threading.Lock()


def start_worker() -> None:
    """Leave Ctrl-C to the process that has started this one, and end with it even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


class Prompt(ContextDecorator):
    """Lets threads go before others meanwhile: those of other processes where that is permitted, and of this one.

    What is in memory by then is left out when the interpreter looks for garbage: with torch and lerobot loaded, that
    would stop all threads for a quarter of a second.

    Args:
        niceness: on Unix's scale, from -20 (first) to 19; below 0 needs the right to it (CAP_SYS_NICE).
    """

    _lock = threading.Lock()
    _inside = 0
    _usual_interval = 0.0

    def __init__(self, niceness: int) -> None:
        self._niceness = niceness
        self._before = threading.local()

    def __enter__(self) -> Self:
        cls = Prompt
        with cls._lock:
            if cls._inside == 0:
                cls._usual_interval = sys.getswitchinterval()
                sys.setswitchinterval(SWITCH_INTERVAL)
                gc.freeze()
            cls._inside += 1
        if sys.platform == "linux":  # where a priority can be a single thread's
            self._before.niceness = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            self._set(self._niceness)
        return self

    def __exit__(self, *exception: object) -> None:
        cls = Prompt
        if sys.platform == "linux":
            self._set(self._before.niceness)
        with cls._lock:
            cls._inside -= 1
            if cls._inside == 0:
                sys.setswitchinterval(cls._usual_interval)
                gc.unfreeze()

    @staticmethod
    def _set(niceness: int) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


@contextmanager
def own_modules_only() -> Iterator[None]:
    """Let processes that are started within this context not run the user's script again.

    A spawned process imports its parent's main module, so that a script without a ``__main__`` guard would start itself
    over and over. What is sent to such a process must come from a module that can be imported.
    """
    with _SWAP:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
