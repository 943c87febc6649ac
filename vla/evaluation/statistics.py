"""Success rates and how sure one can be of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

import numpy as np

Z_95 = 1.959963984540054
RESAMPLES = 10_000


def wilson_interval(successes: int, episodes: int, z: float = Z_95) -> tuple[float, float]:
    """Return the score interval of a proportion (Wilson 1927), 95% by default; (0, 1) without episodes."""
    if episodes == 0:
        return 0.0, 1.0
    rate = successes / episodes
    scale = 1 / (1 + z * z / episodes)
    center = scale * (rate + z * z / (2 * episodes))
    half = scale * z * sqrt(rate * (1 - rate) / episodes + z * z / (4 * episodes**2))
    return max(0.0, min(rate, center - half)), min(1.0, max(rate, center + half))


def macro_average(groups: Mapping[str, Sequence[tuple[int, int]]]) -> float:
    """Return the mean over groups of the mean over a group's tasks of (successes, episodes)."""
    return float(np.mean([np.mean([s / n for s, n in tasks]) for tasks in groups.values()]))


def macro_interval(
    groups: Mapping[str, Sequence[tuple[int, int]]], *, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Return the 95% bootstrap interval of `macro_average`.

    Both levels are drawn anew with replacement (percentile bootstrap, Efron & Tibshirani 1993, section 13.3): the
    tasks of each group, and within each task drawn its episodes, whose success count is then binomial. Where all
    episodes ended alike a bootstrap has no spread; the interval is then Wilson's over all episodes.

    Args:
        groups: group name -> one (successes, episodes) a task.
        seed: of the draws, so that the same results give the same interval.
        resamples: how many times to draw.
    """
    total_successes, total_episodes = np.sum([np.sum(tasks, axis=0) for tasks in groups.values()], axis=0)
    if total_successes in (0, total_episodes):
        return wilson_interval(int(total_successes), int(total_episodes))
    random = np.random.default_rng(seed)
    means = []
    for tasks in groups.values():
        successes, episodes = np.array(tasks).T  # (tasks,)
        drawn = random.integers(len(tasks), size=(resamples, len(tasks)))
        redrawn = random.binomial(episodes[drawn], (successes / episodes)[drawn])
        means.append((redrawn / episodes[drawn]).mean(axis=1))  # (resamples,)
    low, high = np.percentile(np.mean(means, axis=0), [2.5, 97.5])
    return float(low), float(high)
