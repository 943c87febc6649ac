"""Two sides on the scenes that both have tried: what `vla report A B` finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev

import numpy as np

from vla.errors import ConfigError
from vla.evaluation.paired import TaskPairs, difference_interval, macro_difference, mcnemar, mean_interval
from vla.evaluation.reading import Evaluation
from vla.evaluation.results import EpisodeRecord
from vla.evaluation.statistics import macro_average, macro_interval, wilson_interval

Scene = tuple[str, int]
"""Task and seed."""
Outcomes = dict[Scene, EpisodeRecord]
MISSING = "–"
TOTAL = "macro"
"""Name of the row over all tasks."""


@dataclass(frozen=True)
class Row:
    """One task, or all of them."""

    name: str
    scenes: int
    rate_a: float
    interval_a: tuple[float, float]
    rate_b: float
    interval_b: tuple[float, float]
    difference: float
    """Success of B minus that of A."""
    interval: tuple[float, float]
    only_a: int
    """Scenes in which A succeeds more often; with one run a side, those that only A solves."""
    only_b: int
    p: float
    """Of McNemar's exact test; with several runs a side it is the sign test over scenes."""


@dataclass(frozen=True)
class Spread:
    """Macro success of the runs of a side."""

    rates: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the runs."""
        return fmean(self.rates)

    @property
    def deviation(self) -> float | None:
        """Standard deviation between the runs; None of a single one."""
        return stdev(self.rates) if len(self.rates) > 1 else None


@dataclass(frozen=True)
class Steps:
    """Control ticks until success, in scenes that both sides solve."""

    name: str
    scenes: int
    median_a: float
    median_b: float
    difference: float
    """Mean over scenes of B's steps minus A's."""
    interval: tuple[float, float]


@dataclass(frozen=True)
class Discordant:
    """A scene in which one side succeeds more often."""

    task: str
    seed: int
    instruction: str
    successes_a: int
    successes_b: int
    reason: str
    """Why the other side failed."""


@dataclass(frozen=True)
class Comparison:
    """All that is found; B is measured against A."""

    a: tuple[Evaluation, ...]
    b: tuple[Evaluation, ...]
    tasks: tuple[Row, ...]
    total: Row
    spread_a: Spread
    spread_b: Spread
    steps: tuple[Steps, ...]
    discordant: tuple[Discordant, ...]
    left_out: int
    """Scenes that not all runs have tried."""
    differing: tuple[tuple[str, str, str], ...]
    """What was done differently: option, its value of A and of B."""


def compare(a: Sequence[Evaluation], b: Sequence[Evaluation]) -> Comparison:
    """Compare two sides, of one evaluation or several each, on their common scenes.

    Raises:
        ConfigError: a side is empty, suites or versions of tasks differ, or no scene is common.
    """
    runs = [*a, *b]
    if not a or not b:
        raise ConfigError("each side needs at least one evaluation")
    for name in ("suite", "suite_version"):
        values = {str(run.values[name]): str(run.path) for run in runs}
        if len(values) > 1:
            shown = ", ".join(f"{value} in {path}" for value, path in values.items())
            raise ConfigError(f"only results of one {name.replace('_', ' ')} can be compared, got {shown}")
    of_runs = [{(record.task, record.seed): record for record in run.records} for run in runs]
    common = [scene for scene in of_runs[0] if all(scene in outcomes for outcomes in of_runs)]
    if not common:
        ranges = "; ".join(f"{run.path}: {_extent(run)}" for run in runs)
        raise ConfigError(f"no scene (task and seed) is common to all: {ranges}")
    tried = set().union(*of_runs)
    of_a, of_b = of_runs[: len(a)], of_runs[len(a) :]
    groups = {task: group for task, group in runs[0].groups.items() if any(task == scene[0] for scene in common)}
    pairs = {task: _pairs(of_a, of_b, [scene for scene in common if scene[0] == task]) for task in groups}
    by_group: dict[str, list[str]] = {}
    for task, group in groups.items():
        by_group.setdefault(group, []).append(task)
    rows = tuple(_row(task, {task: [task]}, pairs) for task in groups)
    return Comparison(
        a=tuple(a),
        b=tuple(b),
        tasks=rows,
        total=_row(TOTAL, by_group, pairs),
        spread_a=_spread(by_group, pairs, "a", len(a)),
        spread_b=_spread(by_group, pairs, "b", len(b)),
        steps=tuple(_steps(of_a, of_b, common, list(groups))),
        discordant=tuple(_discordant(of_a, of_b, common)),
        left_out=len(tried) - len(common),
        differing=tuple(_differing(a, b)),
    )


def _pairs(of_a: Sequence[Outcomes], of_b: Sequence[Outcomes], scenes: Sequence[Scene]) -> TaskPairs:
    a, b = (
        np.array([[outcomes[scene].success for scene in scenes] for outcomes in side], float) for side in (of_a, of_b)
    )
    return TaskPairs(a, b)


def _row(name: str, by_group: dict[str, list[str]], pairs: dict[str, TaskPairs]) -> Row:
    groups = {group: [pairs[task] for task in tasks] for group, tasks in by_group.items()}
    tasks = [task for group in groups.values() for task in group]
    wins = np.sum([task.wins for task in tasks], axis=0)
    only_a, only_b = int(wins[0]), int(wins[1])
    rates, intervals = [], []
    for side in ("a", "b"):
        counts = {
            group: [(int(getattr(task, side).sum()), getattr(task, side).size) for task in of_group]
            for group, of_group in groups.items()
        }
        rates.append(macro_average(counts))
        ((successes, episodes), *others) = [count for of_group in counts.values() for count in of_group]
        intervals.append(wilson_interval(successes, episodes) if not others else macro_interval(counts))
    return Row(
        name=name,
        scenes=sum(task.a.shape[1] for task in tasks),
        rate_a=rates[0],
        interval_a=intervals[0],
        rate_b=rates[1],
        interval_b=intervals[1],
        difference=macro_difference(groups),
        interval=difference_interval(groups),
        only_a=only_a,
        only_b=only_b,
        p=mcnemar(only_a, only_b),
    )


def _spread(by_group: dict[str, list[str]], pairs: dict[str, TaskPairs], side: str, runs: int) -> Spread:
    def macro(run: int) -> float:
        return float(np.mean([np.mean([getattr(pairs[t], side)[run].mean() for t in ts]) for ts in by_group.values()]))

    return Spread(tuple(macro(run) for run in range(runs)))


def _steps(
    of_a: Sequence[Outcomes], of_b: Sequence[Outcomes], common: Sequence[Scene], tasks: Sequence[str]
) -> list[Steps]:
    solved: list[tuple[str, float, float]] = []
    for scene in common:
        a, b = ([outcomes[scene].steps for outcomes in side if outcomes[scene].success] for side in (of_a, of_b))
        if a and b:
            solved.append((scene[0], fmean(a), fmean(b)))
    rows = []
    for name in [*tasks, "all"]:
        of_task = [(a, b) for task, a, b in solved if name in (task, "all")]
        if of_task:
            differences = [b - a for a, b in of_task]
            medians = median(a for a, _ in of_task), median(b for _, b in of_task)
            rows.append(Steps(name, len(of_task), *medians, fmean(differences), mean_interval(differences)))
    return rows


def _discordant(of_a: Sequence[Outcomes], of_b: Sequence[Outcomes], common: Sequence[Scene]) -> list[Discordant]:
    found = []
    for scene in common:
        a, b = ([outcomes[scene] for outcomes in side] for side in (of_a, of_b))
        successes_a, successes_b = sum(r.success for r in a), sum(r.success for r in b)
        ahead = successes_b * len(a) - successes_a * len(b)
        if ahead:
            loser = a if ahead > 0 else b
            reason = next(record.reason for record in loser if not record.success)
            found.append(Discordant(*scene, a[0].instruction, successes_a, successes_b, reason))
    return found


def _differing(a: Sequence[Evaluation], b: Sequence[Evaluation]) -> list[tuple[str, str, str]]:
    """Return the settings in which the sides differ, and those in which the runs of a side do."""
    settings = [_settings(run) for run in (*a, *b)]
    names = sorted(set().union(*settings))
    rows = []
    for name in names:
        values = [of_run.get(name, MISSING) for of_run in settings]
        if len(set(values)) > 1:
            rows.append((name, *(", ".join(dict.fromkeys(side)) for side in (values[: len(a)], values[len(a) :]))))
    return rows


def _settings(run: Evaluation) -> dict[str, str]:
    """Return options and versions of an evaluation as flat text."""
    named = {name: run.values.get(name) for name in ("policy", "weights", "seed", "episodes")}
    flat = _flat("", {**run.values.get("options", {}), **run.values.get("versions", {}), **named})
    return {name: MISSING if value is None else str(value) for name, value in flat.items()}


def _flat(prefix: str, values: object) -> dict[str, object]:
    if not isinstance(values, dict):
        return {prefix: values}
    flat: dict[str, object] = {}
    for name, value in values.items():
        flat |= _flat(f"{prefix}.{name}" if prefix else str(name), value)
    return flat


def _extent(run: Evaluation) -> str:
    seeds = [record.seed for record in run.records]
    tasks = ", ".join(dict.fromkeys(record.task for record in run.records))
    return f"{tasks or 'nothing'}, seeds {min(seeds)} to {max(seeds)}" if seeds else "nothing"
