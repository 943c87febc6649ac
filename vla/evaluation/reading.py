"""Reads the JSON that `vla eval` writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vla.errors import ConfigError
from vla.evaluation.results import EpisodeRecord

NEEDED = ("suite", "suite_version", "tasks", "planner", "policy", "success", "records")


@dataclass(frozen=True)
class Evaluation:
    """One evaluation."""

    path: Path
    values: Mapping[str, Any]
    """The whole JSON."""
    records: tuple[EpisodeRecord, ...]

    @property
    def name(self) -> str:
        """What it is called in a report."""
        return self.path.stem

    @property
    def groups(self) -> dict[str, str]:
        """Task -> group it is reported under."""
        per_task = self.values["success"]["per_task"]
        known = list(self.values["success"]["per_group"])
        only = known[0] if len(known) == 1 else "tasks"
        return {task: entry.get("group", only) for task, entry in per_task.items()}


def is_evaluation(values: object) -> bool:
    """Whether a JSON value looks like what `vla eval` writes."""
    return isinstance(values, dict) and all(name in values for name in NEEDED)


def read_evaluation(path: Path) -> Evaluation:
    """Read one evaluation.

    Raises:
        ConfigError: there is no such file, or it is something else.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no JSON: {error}") from error
    if not is_evaluation(values):
        missing = [name for name in NEEDED if not isinstance(values, dict) or name not in values]
        raise ConfigError(f"{path} is not from `vla eval`: it has no {', '.join(missing)}")
    return Evaluation(path, values, tuple(EpisodeRecord.from_json(record) for record in values["records"]))
