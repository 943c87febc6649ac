"""Evaluations made up from successes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vla.data.json_file import write_json
from vla.evaluation.reading import Evaluation, read_evaluation
from vla.evaluation.results import EpisodeRecord, latency_entry, record_entry, summarize

FIRST_SEED = 1_000_000


def write_evaluation(
    path: Path,
    successes: Mapping[str, Sequence[bool]],
    steps: int = 100,
    groups: Mapping[str, str] | None = None,
    **more: Any,
) -> Evaluation:
    """Write what `vla eval` would, with one episode a truth value, seeds from 1000000 on, and read it back."""
    records = [
        EpisodeRecord(
            task,
            FIRST_SEED + index,
            f"please {task} <b>",
            success,
            steps + index,
            "" if success else f"{task} & missed",
            (f"{task} the cube: {'reached' if success else 'timeout'}",),
            (0.01, 0.02),
            (0.3,),
        )
        for task, of_task in successes.items()
        for index, success in enumerate(of_task)
    ]
    values: dict[str, Any] = {
        "suite": "toy",
        "suite_version": "1",
        "tasks": list(successes),
        "planner": "oracle",
        "policy": path.stem,
        "weights": None,
        "seed": FIRST_SEED,
        "episodes": max(map(len, successes.values())),
        "options": {"wording": "test", "env": {"image_size": [64, 64]}},
        "command": "vla eval policy=http://host/x",
        "versions": {"torch": "2.11.0"},
        "success": summarize(records, groups or dict.fromkeys(successes, "skills")),
        "latency": latency_entry(records),
        "records": [record_entry(record) for record in records],
    }
    write_json(path, values | more)
    return read_evaluation(path)
