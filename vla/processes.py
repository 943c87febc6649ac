"""What every process does that another one of ours has started, and which threads go before others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def start_worker() -> None:
    """Leave Ctrl-C to the process that has started this one, and end with it even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


@contextmanager
def priority(niceness: int) -> Iterator[None]:
    """Let this thread go before others meanwhile, where that is permitted: for what must not come late.

    Args:
        niceness: on Unix's scale, from -20 (first) to 19; below 0 needs the right to it (CAP_SYS_NICE).
    """
    if sys.platform != "linux":  # where a priority is not a single thread's
        yield
        return
    thread = threading.get_native_id()
    before = os.getpriority(os.PRIO_PROCESS, thread)
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, niceness)
    try:
        yield
    finally:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, before)
