"""What every benchmark writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from vla.data.json_file import write_json
from vla.provenance import origin


@dataclass(frozen=True)
class Row:
    """Speed of one subject."""

    p50_ms: float
    p99_ms: float
    per_second: float | None = None
    """Work done a second: samples, steps or chunks, as the benchmark says; None where there is no work."""


@dataclass(frozen=True)
class Report:
    """Outcome of a benchmark."""

    name: str
    unit: str
    """What ``per_second`` counts, e.g. ``samples``; empty where nothing is counted."""
    rows: Mapping[str, Row]
    """Subject -> its speed."""
    ratios: Mapping[str, float]
    """``<a>/<b>`` -> how many times the speed of b the speed of a is."""
    settings: Mapping[str, object] = field(default_factory=dict)
    notes: Sequence[str] = ()
    """Printed below the table."""


def row(seconds: Sequence[float], work: float = 0.0) -> Row:
    """Summarise repeated timings.

    Args:
        seconds: duration of each repetition [s].
        work: units of work a repetition does; 0 for none.
    """
    times = np.asarray(seconds)
    p50, p99 = (round(float(1000 * value), 3) for value in np.percentile(times, [50, 99]))
    return Row(p50, p99, round(float(work * len(times) / times.sum()), 2) if work else None)


def ratios(rows: Mapping[str, Row], subject: str) -> dict[str, float]:
    """Return the rate of ``subject`` relative to that of each other row that has one."""
    own = rows[subject].per_second or 0.0
    others = {name: row.per_second for name, row in rows.items() if name != subject}
    return {f"{subject}/{name}": round(own / rate, 2) for name, rate in others.items() if rate}


def write_report(report: Report, path: Path) -> None:
    """Write the report as JSON, all or nothing."""
    write_json(path, {**asdict(report), **origin()})
