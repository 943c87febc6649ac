import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from vla.evaluation.paired import TaskPairs, difference_interval, macro_difference, mcnemar, mean_interval
from vla.evaluation.statistics import wilson_interval

COUNT = st.integers(0, 400)


def pairs(a: list[int] | list[list[int]], b: list[int] | list[list[int]]) -> TaskPairs:
    return TaskPairs(np.atleast_2d(np.array(a, float)), np.atleast_2d(np.array(b, float)))


def interval(*tasks: TaskPairs, **options: int) -> tuple[float, float]:
    return difference_interval({"all": tasks}, resamples=2000, **options)


@given(COUNT, COUNT)
def test_mcnemar_is_the_exact_binomial_test(only_a: int, only_b: int) -> None:
    expected = binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert mcnemar(only_a, only_b) == pytest.approx(expected, rel=1e-9)
    assert mcnemar(only_a, only_b) == mcnemar(only_b, only_a)


OUTCOMES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40)


@given(OUTCOMES)
def test_the_interval_holds_the_difference_and_turns_round_with_the_sides(outcomes: list[tuple[int, int]]) -> None:
    a, b = (list(side) for side in zip(*outcomes, strict=True))
    low, high = difference_interval({"all": [pairs(a, b)]}, resamples=400)
    assert -1 <= low <= high <= 1
    assert low - 1e-9 <= (sum(b) - sum(a)) / len(a) <= high + 1e-9
    back = difference_interval({"all": [pairs(b, a)]}, resamples=400)
    assert back == pytest.approx((-high, -low), abs=0.12)


def test_the_interval_is_that_of_the_normal_approximation_for_many_scenes() -> None:
    random = np.random.default_rng(3)
    a, b = (random.random((1, 3000)) < rate for rate in (0.5, 0.6))
    low, high = interval(TaskPairs(a.astype(float), b.astype(float)))
    difference = b.astype(float) - a.astype(float)
    half = 1.96 * difference.std() / np.sqrt(difference.size)
    assert (low, high) == pytest.approx((difference.mean() - half, difference.mean() + half), abs=0.004)


def test_pairing_tells_apart_what_unpaired_rates_do_not() -> None:
    easy = [1] * 30 + [0] * 30
    better = [1] * 36 + [0] * 24
    low, _ = interval(pairs(easy, better))
    assert low > 0, "B solves all that A solves and six more"


def test_equal_outcomes_are_not_taken_for_certainty() -> None:
    assert interval(pairs([1] * 50, [1] * 50)) == pytest.approx((-wilson_interval(0, 50)[1], wilson_interval(0, 50)[1]))
    assert interval(pairs([0] * 20, [1] * 20)) == pytest.approx(wilson_interval(20, 20))
    low, high = wilson_interval(20, 20)
    assert interval(pairs([1] * 20, [0] * 20)) == pytest.approx((-high, -low))
    several = pairs([[1] * 50] * 3, [[1] * 50] * 2)
    assert interval(several) == interval(pairs([1] * 50, [1] * 50))


def test_runs_that_disagree_widen_the_interval() -> None:
    random = np.random.default_rng(0)
    scenes = (random.random(200) < 0.5).astype(float)
    steady = TaskPairs(np.stack([scenes] * 3), np.stack([scenes] * 3))
    shaky = TaskPairs(np.stack([scenes] * 3), np.stack([np.ones(200), scenes, np.zeros(200)]))
    widths = [high - low for low, high in (interval(steady), interval(shaky))]
    assert widths[1] > 2 * widths[0]
    assert steady.runs_agree and not shaky.runs_agree


def test_groups_count_alike_whatever_their_size() -> None:
    won, same = pairs([0, 0], [1, 1]), pairs([1, 0], [1, 0])
    assert macro_difference({"one": [won], "other": [same, same, same]}) == pytest.approx(0.5)


def test_wins_are_scenes_in_which_a_side_succeeds_more_often() -> None:
    assert pairs([1, 1, 0, 0], [1, 0, 1, 0]).wins == (1, 1)
    assert pairs([[1, 1, 0], [1, 0, 0]], [[1, 0, 1]]).wins == (1, 1)


@given(st.lists(st.floats(-1000, 1000), min_size=1, max_size=30))
def test_the_interval_of_a_mean_lies_within_the_values(values: list[float]) -> None:
    low, high = mean_interval(values, resamples=200)
    assert min(values) - 1e-6 <= low <= high <= max(values) + 1e-6
