from __future__ import annotations

import os
import sys
import threading

import pytest

from vla.processes import priority


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_a_thread_has_another_priority_meanwhile_and_others_keep_theirs() -> None:
    seen: list[tuple[int, int]] = []

    def work() -> None:
        before = niceness()
        with priority(before + 2):
            seen.append((before, niceness()))
        seen.append((before, niceness()))

    here = niceness()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen[0] == (here, here + 2)
    assert niceness() == here
    if os.geteuid() == 0:
        assert seen[1] == (here, here)


def test_who_may_not_go_first_works_as_before() -> None:
    @priority(-20)
    def work() -> int:
        return 7

    assert work() == 7
