import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla.evaluation.statistics import macro_average, macro_interval, wilson_interval


@pytest.mark.parametrize(
    ("successes", "episodes", "low", "high"),
    [(0, 10, 0.0, 0.27753), (5, 10, 0.23659, 0.76341), (50, 50, 0.92865, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_interval_agrees_with_published_values(successes: int, episodes: int, low: float, high: float) -> None:
    assert wilson_interval(successes, episodes) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_is_symmetric_and_holds_the_rate(counts: tuple[int, int]) -> None:
    successes, episodes = counts
    low, high = wilson_interval(successes, episodes)
    mirrored_low, mirrored_high = wilson_interval(episodes - successes, episodes)
    assert 0 <= low <= successes / episodes <= high <= 1
    assert (1 - high, 1 - low) == pytest.approx((mirrored_low, mirrored_high))


def test_nothing_is_known_without_episodes() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_macro_average_weighs_groups_equally_whatever_their_size() -> None:
    groups = {"easy": [(10, 10), (10, 10), (10, 10)], "hard": [(0, 10)]}
    assert macro_average(groups) == 0.5


def test_bootstrap_of_one_task_agrees_with_the_normal_approximation() -> None:
    low, high = macro_interval({"all": [(300, 1000)]})
    half = 1.96 * np.sqrt(0.3 * 0.7 / 1000)
    assert (low, high) == pytest.approx((0.3 - half, 0.3 + half), abs=2e-3)


def test_bootstrap_counts_the_spread_between_tasks() -> None:
    low, high = macro_interval({"all": [(50, 100)] * 4})
    spread_low, spread_high = macro_interval({"all": [(10, 100), (90, 100)] * 2})
    assert spread_high - spread_low > 2 * (high - low)


def test_bootstrap_is_reproducible_and_never_without_width() -> None:
    groups = {"easy": [(7, 10), (9, 10)], "hard": [(2, 10)]}
    assert macro_interval(groups) == macro_interval(groups)
    assert macro_interval({"a": [(10, 10)], "b": [(20, 20)]}) == wilson_interval(30, 30)
