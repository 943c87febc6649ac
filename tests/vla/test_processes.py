from __future__ import annotations

import gc
import os
import sys
import threading

import pytest

from vla.processes import Prompt


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_a_thread_has_another_priority_meanwhile_and_others_keep_theirs() -> None:
    seen: list[tuple[int, int]] = []

    def work() -> None:
        before = niceness()
        with Prompt(before + 2):
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
    @Prompt(-20)
    def work() -> int:
        return 7

    assert work() == 7


def test_threads_that_must_not_come_late_are_spared_other_threads_and_old_garbage() -> None:
    usual = sys.getswitchinterval()
    first, second = Prompt(niceness()), Prompt(niceness())
    first.__enter__()
    second.__enter__()
    first.__exit__()
    assert sys.getswitchinterval() < usual
    assert gc.get_freeze_count() > 1000
    second.__exit__()
    assert gc.get_freeze_count() == 0
    assert sys.getswitchinterval() == pytest.approx(usual)
