"""What every benchmark writes."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path

import numpy as np

from vla.data.json_file import write_json

PACKAGES = ("lerobot_policy_vla", "lerobot", "torch", "mujoco", "numpy")


@dataclass(frozen=True)
class Row:
    """Speed of one subject."""

    p50_ms: float
    p99_ms: float
    per_second: float
    """Work done a second: samples, steps or chunks, as the benchmark says."""


@dataclass(frozen=True)
class Report:
    """Outcome of a benchmark."""

    name: str
    unit: str
    """What ``per_second`` counts, e.g. ``samples``."""
    rows: Mapping[str, Row]
    """Subject -> its speed."""
    ratios: Mapping[str, float]
    """``<a>/<b>`` -> how many times the speed of b the speed of a is."""
    settings: Mapping[str, object] = field(default_factory=dict)


def row(seconds: Sequence[float], work: float) -> Row:
    """Summarise repeated timings.

    Args:
        seconds: duration of each repetition [s].
        work: units of work a repetition does.
    """
    times = np.asarray(seconds)
    p50, p99 = np.percentile(times, [50, 99]) * 1000
    return Row(round(float(p50), 3), round(float(p99), 3), round(float(work * len(times) / times.sum()), 2))


def ratios(rows: Mapping[str, Row], subject: str) -> dict[str, float]:
    """Return the speed of ``subject`` relative to each other row."""
    return {
        f"{subject}/{other}": round(rows[subject].per_second / value.per_second, 2)
        for other, value in rows.items()
        if other != subject
    }


def write_report(report: Report, command: str, path: Path) -> None:
    """Write the report as JSON, all or nothing."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    write_json(path, {**asdict(report), "command": command, "versions": versions})
