"""How sure one can be that one of two policies is better, from the scenes that both have tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from vla.evaluation.statistics import RESAMPLES, wilson_interval


@dataclass(frozen=True)
class TaskPairs:
    """What two sides did in the same scenes of one task; a side is one run or several, as of several training seeds."""

    a: NDArray[np.float64]
    """Success of each run of side A in each scene (runs, scenes), 0 or 1."""
    b: NDArray[np.float64]

    @property
    def wins(self) -> tuple[int, int]:
        """In how many scenes A succeeds more often than B, and the other way round."""
        a, b = self.a.mean(axis=0), self.b.mean(axis=0)
        return int((a > b + 1e-9).sum()), int((b > a + 1e-9).sum())

    @property
    def runs_agree(self) -> bool:
        """Whether all runs of a side did alike."""
        return bool((self.a == self.a[0]).all() and (self.b == self.b[0]).all())

    @property
    def difference(self) -> float:
        """Success of B minus that of A."""
        return float(self.b.mean() - self.a.mean())


Groups = Mapping[str, Sequence[TaskPairs]]
"""Group -> its tasks."""


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the two-sided p of McNemar's exact test (1947): is a scene that only one side solves A's as often as B's?

    Args:
        only_a: scenes that only A solves.
        only_b: scenes that only B solves.
    """
    trials = only_a + only_b
    tail = sum(comb(trials, wins) for wins in range(min(only_a, only_b) + 1))
    return min(1.0, 2 * tail / 2**trials)


def macro_difference(groups: Groups) -> float:
    """Return the mean over groups of the mean over their tasks of B's success minus A's."""
    return float(np.mean([np.mean([task.difference for task in tasks]) for tasks in groups.values()]))


def difference_interval(groups: Groups, *, seed: int = 0, resamples: int = RESAMPLES) -> tuple[float, float]:
    """Return the 95% interval of `macro_difference`, by a paired percentile bootstrap (Efron & Tibshirani 1993).

    The scenes of each task are drawn anew with replacement, for both sides alike. Where a side has several runs, they
    are drawn anew, too, once for all tasks. The tasks stay: both sides were measured on the same ones. Where all
    scenes differ alike a bootstrap has no spread; the interval is then Wilson's for the share of scenes that differ.

    Args:
        groups: with at least one task each, and at least one scene a task; all tasks have the same runs.
        seed: of the draws, so that the same results give the same interval.
        resamples: how many times to draw.
    """
    tasks = [task for group in groups.values() for task in group]
    runs_a, runs_b = len(tasks[0].a), len(tasks[0].b)
    differences = np.concatenate([task.b.mean(axis=0) - task.a.mean(axis=0) for task in tasks])
    if len(set(differences)) == 1 and all(task.runs_agree for task in tasks):
        low, high = wilson_interval(round(abs(differences.sum())), len(differences))
        return (-high, high) if differences[0] == 0 else (low, high) if differences[0] > 0 else (-high, -low)
    random = np.random.default_rng(seed)
    weights_a, weights_b = (_shares(random, runs, resamples) for runs in (runs_a, runs_b))  # (resamples, runs)
    means = []
    for group in groups.values():
        of_tasks = []
        for task in group:
            scenes = task.a.shape[1]
            shares = _shares(random, scenes, resamples)  # (resamples, scenes)
            of_b = ((weights_b @ task.b) * shares).sum(axis=1)
            of_tasks.append(of_b - ((weights_a @ task.a) * shares).sum(axis=1))
        means.append(np.mean(of_tasks, axis=0))
    low, high = np.percentile(np.mean(means, axis=0), [2.5, 97.5])
    return float(low), float(high)


def mean_interval(values: Sequence[float], *, seed: int = 0, resamples: int = RESAMPLES) -> tuple[float, float]:
    """Return the 95% percentile-bootstrap interval of the mean of at least one value."""
    numbers = np.asarray(values, float)
    means = _shares(np.random.default_rng(seed), len(numbers), resamples) @ numbers
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def _shares(random: np.random.Generator, count: int, resamples: int) -> NDArray[np.float64]:
    """Return how much of each draw is which of ``count`` things (resamples, count); each row adds up to 1."""
    if count == 1:
        return np.ones((resamples, 1))
    return random.multinomial(count, np.full(count, 1 / count), size=resamples) / count
