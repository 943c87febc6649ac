import time

import pytest

from vla.runtime.pacer import Pacer


def test_ticks_come_at_multiples_of_the_period_and_never_early() -> None:
    pacer = Pacer(200.0)
    times = [pacer.wait() for _ in range(40)]
    for tick, elapsed in enumerate(times):
        assert elapsed >= tick * pacer.period - 1e-9 or pacer.missed
    assert pacer.ticks == 40
    assert pacer.percentile(50) < pacer.period


def test_ticks_that_were_missed_are_skipped_and_do_not_shift_the_others() -> None:
    pacer = Pacer(50.0)
    pacer.wait()
    time.sleep(0.075)  # into the fourth period
    late = pacer.wait()
    assert pacer.missed == 2
    assert late == pytest.approx(0.075, abs=0.02)
    assert pacer.lateness[-1] == pytest.approx(late - 0.06, abs=1e-6)
    assert pacer.wait() >= 0.08
