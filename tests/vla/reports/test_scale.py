from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vla.reports.scale import fit_axis, label, linear_ticks, log_ticks

VALUES = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=20)
POSITIVE = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=20)


@given(VALUES)
@example([12.0, 6.5e-308])
def test_values_and_ticks_lie_within_the_axis(values: list[float]) -> None:
    axis = fit_axis(values, 100, 10)
    for value in [*values, *axis.ticks()]:
        assert 10 - 1e-6 <= axis.place(value) <= 100 + 1e-6


@given(POSITIVE)
def test_a_logarithmic_axis_holds_its_values_and_ticks(values: list[float]) -> None:
    axis = fit_axis(values, 0, 300, log=True)
    assert axis.ticks()
    for value in [*values, *axis.ticks()]:
        assert -1 <= axis.place(value) <= 301


@given(st.floats(-1e5, 1e5), st.floats(1e-3, 1e5), st.integers(2, 8))
def test_ticks_are_few_and_evenly_spaced(low: float, span: float, count: int) -> None:
    ticks = linear_ticks(low, low + span, count)
    assert len(ticks) <= count + 2
    gaps = {round((b - a) / span, 6) for a, b in pairwise(ticks)}
    assert len(gaps) <= 1


def test_known_ticks_and_labels() -> None:
    assert linear_ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert log_ticks(0.5, 2000) == pytest.approx([1, 10, 100, 1000])
    assert log_ticks(15, 90) == pytest.approx([20, 50])
    assert [label(value) for value in (0, 0.25, 1500, 20000, 3e6, 1e-5)] == ["0", "0.25", "1500", "20k", "3M", "1e-05"]
