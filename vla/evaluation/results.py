"""What an evaluation found, as the JSON that `vla eval` writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Self

import numpy as np

from vla.evaluation.statistics import macro_average, macro_interval, wilson_interval
from vla.types import EpisodeResult

DECIMALS = 4


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
        )

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Undo ``dataclasses.asdict`` after a trip through JSON."""
        sequences = {name: tuple(fields[name]) for name in ("subgoals", "policy_seconds")}
        return cls(**{**fields, **sequences})


def summarize(records: Sequence[EpisodeRecord], groups: Mapping[str, str]) -> dict[str, Any]:
    """Return the ``success`` entry of the JSON: rates as fractions with 95% intervals.

    ``macro`` is the mean over groups of the mean over their tasks, ``weighted`` the mean over tasks; ``interval`` is
    that of ``macro``, by bootstrap over tasks and episodes. A task's own interval is Wilson's.

    Args:
        records: at least one episode of each task.
        groups: task name -> group it is reported under; its order is that of the report.
    """
    by_task = {task: [record for record in records if record.task == task] for task in groups}
    counts = {task: (sum(r.success for r in of_task), len(of_task)) for task, of_task in by_task.items()}
    by_group: dict[str, list[tuple[int, int]]] = {}
    for task, group in groups.items():
        by_group.setdefault(group, []).append(counts[task])
    return {
        "macro": _rounded(macro_average(by_group)),
        "weighted": _rounded(macro_average({"all": list(counts.values())})),
        "interval": _rounded_pair(macro_interval(by_group)),
        "per_task": {task: _task_entry(of_task) for task, of_task in by_task.items()},
        "per_group": {
            group: {
                "success": _rounded(macro_average({group: tasks})),
                "episodes": sum(episodes for _, episodes in tasks),
                "interval": _rounded_pair(macro_interval({group: tasks})),
            }
            for group, tasks in by_group.items()
        },
    }


def latency_entry(records: Sequence[EpisodeRecord]) -> dict[str, float]:
    """Return the policy's latency over all calls [ms]; empty if no policy was called."""
    seconds = [value for record in records for value in record.policy_seconds]
    if not seconds:
        return {}
    p50, p99 = np.percentile(seconds, [50, 99]) * 1000
    return {"policy_p50_ms": round(float(p50), 2), "policy_p99_ms": round(float(p99), 2)}


def record_entry(record: EpisodeRecord) -> dict[str, Any]:
    """Return an episode's entry in the JSON: all but the latencies, so that equal runs give equal entries."""
    entry = asdict(record)
    del entry["policy_seconds"]
    return entry


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
