"""What an evaluation found, as the JSON that `vla eval` writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vla.evaluation.statistics import macro_average, macro_interval, wilson_interval
from vla.types import EpisodeResult

DECIMALS = 4
LATENCIES = ("policy_seconds", "planner_seconds")
BINS_A_DECADE = 10
"""Bins of the latency histograms for each factor of ten."""
FINEST_MS = 1e-3
"""Latencies below it count as it [ms]."""


@dataclass(frozen=True)
class EpisodeRecord:
    """One episode of an evaluation, in a form that survives JSON."""

    task: str
    seed: int
    instruction: str
    success: bool
    steps: int
    """Control ticks until the episode ended."""
    reason: str
    subgoals: tuple[str, ...]
    """``text: outcome``, in the order in which they ended."""
    policy_seconds: tuple[float, ...]
    """Latency of each policy call [s]."""
    planner_seconds: tuple[float, ...] = ()
    """Latency of each planner call [s]."""
    measures: Mapping[str, bool] = field(default_factory=dict)
    """Whether it counts as a success in the other ways that the suite knows."""
    achieved: tuple[bool | None, ...] = ()
    """Whether each subgoal was reached when it ended, as the simulator says; None where it does not."""

    @classmethod
    def of(cls, result: EpisodeResult) -> Self:
        """Keep what an evaluation reports of an episode."""
        return cls(
            task=result.task,
            seed=result.seed,
            instruction=result.instruction,
            success=result.success,
            steps=result.steps,
            reason=result.reason,
            subgoals=tuple(f"{ended.subgoal.text}: {ended.outcome}" for ended in result.subgoals),
            policy_seconds=tuple(round(seconds, 6) for seconds in result.policy_seconds),
            planner_seconds=tuple(round(seconds, 6) for seconds in result.planner_seconds),
            measures=dict(result.measures),
            achieved=tuple(ended.achieved for ended in result.subgoals),
        )

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Undo ``dataclasses.asdict`` after a trip through JSON, or `record_entry` without the latencies."""
        sequences = {name: tuple(fields.get(name, ())) for name in ("subgoals", "achieved", *LATENCIES)}
        return cls(**{**fields, **sequences})


def summarize(records: Sequence[EpisodeRecord], groups: Mapping[str, str]) -> dict[str, Any]:
    """Return the ``success`` entry of the JSON: rates as fractions with 95% intervals.

    ``macro`` is the mean over groups of the mean over their tasks, ``weighted`` the mean over tasks; ``interval`` is
    that of ``macro``, by bootstrap over tasks and episodes. A task's own interval is Wilson's. ``measures`` has the
    same three figures for each other way in which the suite counts successes, where it has any.

    Args:
        records: at least one episode of each task.
        groups: task name -> group it is reported under; its order is that of the report.
    """
    by_task = {task: [record for record in records if record.task == task] for task in groups}
    by_group = _counts(groups, {task: [r.success for r in of_task] for task, of_task in by_task.items()})
    result = {
        **_rates(by_group),
        "per_task": {task: {"group": groups[task]} | _task_entry(of_task) for task, of_task in by_task.items()},
        "per_group": {
            group: {
                "success": _rounded(macro_average({group: tasks})),
                "episodes": sum(episodes for _, episodes in tasks),
                "interval": _rounded_pair(macro_interval({group: tasks})),
            }
            for group, tasks in by_group.items()
        },
    }
    if names := list(dict.fromkeys(name for record in records for name in record.measures)):
        result["measures"] = {
            name: _rates(_counts(groups, {task: [r.measures[name] for r in by_task[task]] for task in groups}))
            for name in names
        }
    return result


def monitor_entry(records: Sequence[EpisodeRecord]) -> dict[str, Any]:
    """Return how the planner's word about subgoals compares with the simulator's; empty where that says nothing.

    ``false_success``: of the subgoals that the planner took for reached, those that were not. ``false_failure``: of
    those that it took for failed, or did not see reached in time, those that were reached. Each has ``wrong``,
    ``count``, ``rate`` (None without a count) and its 95% ``interval``.
    """
    ended = [
        (subgoal.rsplit(": ", 1)[-1] == "reached", truth)
        for record in records
        for subgoal, truth in zip(record.subgoals, record.achieved, strict=False)
        if truth is not None
    ]
    if not ended:
        return {}
    told = {"false_success": [not truth for reached, truth in ended if reached]}
    told["false_failure"] = [truth for reached, truth in ended if not reached]
    return {
        name: {
            "wrong": sum(wrong),
            "count": len(wrong),
            "rate": _rounded(sum(wrong) / len(wrong)) if wrong else None,
            "interval": _rounded_pair(wilson_interval(sum(wrong), len(wrong))),
        }
        for name, wrong in told.items()
    }


def latency_entry(records: Sequence[EpisodeRecord]) -> dict[str, Any]:
    """Return latencies over all calls [ms] of policy and planner, without those that were never called.

    For each there are ``<name>_p50_ms``, ``<name>_p99_ms`` and ``<name>_histogram``, with ``edges_ms`` (bins + 1) on a
    logarithmic scale, and ``counts`` (bins).
    """
    entry: dict[str, Any] = {}
    for name in LATENCIES:
        times = np.array([value for record in records for value in getattr(record, name)]) * 1000
        if not len(times):
            continue
        who = name.removesuffix("_seconds")
        p50, p99 = np.percentile(times, [50, 99])
        entry |= {f"{who}_p50_ms": round(float(p50), 2), f"{who}_p99_ms": round(float(p99), 2)}
        entry[f"{who}_histogram"] = log_histogram(times)
    return entry


def log_histogram(times: NDArray[np.float64]) -> dict[str, list[float]]:
    """Return ``edges_ms`` (bins + 1) and ``counts`` (bins) of times (n,) [ms] in bins of equal ratio."""
    places = BINS_A_DECADE * np.log10(np.maximum(times, FINEST_MS))
    low = int(np.floor(places.min()))
    high = max(int(np.ceil(places.max())), low + 1)
    counts, _ = np.histogram(places, bins=np.arange(low, high + 1))
    edges = 10 ** (np.arange(low, high + 1) / BINS_A_DECADE)
    return {"edges_ms": [float(f"{edge:.4g}") for edge in edges], "counts": counts.tolist()}


def record_entry(record: EpisodeRecord) -> dict[str, Any]:
    """Return an episode's entry in the JSON: all but the latencies, so that equal runs give equal entries."""
    entry = asdict(record)
    for name in LATENCIES:
        del entry[name]
    return entry


def _counts(groups: Mapping[str, str], successes: Mapping[str, Sequence[bool]]) -> dict[str, list[tuple[int, int]]]:
    """Return group -> one (successes, episodes) a task."""
    by_group: dict[str, list[tuple[int, int]]] = {}
    for task, group in groups.items():
        by_group.setdefault(group, []).append((sum(successes[task]), len(successes[task])))
    return by_group


def _rates(by_group: Mapping[str, Sequence[tuple[int, int]]]) -> dict[str, Any]:
    """Return macro average, mean over tasks, and the interval of the macro average."""
    return {
        "macro": _rounded(macro_average(by_group)),
        "weighted": _rounded(macro_average({"all": [task for tasks in by_group.values() for task in tasks]})),
        "interval": _rounded_pair(macro_interval(by_group)),
    }


def _task_entry(records: Sequence[EpisodeRecord]) -> dict[str, Any]:
    successes = [record for record in records if record.success]
    failures = Counter(record.reason for record in records if not record.success)
    return {
        "success": _rounded(len(successes) / len(records)),
        "episodes": len(records),
        "interval": _rounded_pair(wilson_interval(len(successes), len(records))),
        "failures": dict(sorted(failures.items(), key=lambda item: (-item[1], item[0]))),
        "steps_to_success": median(record.steps for record in successes) if successes else None,
    }


def _rounded(value: float) -> float:
    return round(value, DECIMALS)


def _rounded_pair(values: tuple[float, float]) -> list[float]:
    return [_rounded(value) for value in values]
