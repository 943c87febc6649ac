"""One training run as a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from vla.data.json_file import whole_lines
from vla.errors import ConfigError
from vla.reports.charts import Series, line_chart
from vla.reports.origin import Origin, flatten, origin
from vla.reports.page import write_page
from vla.training.records import METRICS, RUN_FILE, STARTS, read_metrics

HELD_OUT = "val_"
TITLES = {
    "loss": ("Loss", ""),
    "action_error": ("Action error", ""),
    "lr": ("Learning rate", ""),
    "learning_rate": ("Learning rate", ""),
    "samples_per_second": ("Speed", "samples/s"),
    "grad_norm": ("Norm of the gradient", ""),
    "gpu_mem_gb": ("GPU memory", "GB"),
}
"""Metric -> title of its chart and unit, in the order of the page; other metrics come after them."""
UNSHOWN = {"step", "steps", "samples", "episodes", "epochs", "elapsed", "update_s", "dataloading_s"}


def write_training_page(folder: Path, path: Path) -> Path:
    """Write the page of a run, finished or not, and return its path.

    Args:
        folder: of the run, with ``metrics.jsonl`` and ``run.json``.
        path: HTML file.

    Raises:
        ConfigError: the folder holds no run.
    """
    if not (folder / METRICS).is_file():
        raise ConfigError(f"{folder} is no training run: it has no {METRICS}")
    rows = read_metrics(folder)
    run_file = folder / RUN_FILE
    options = json.loads(run_file.read_text(encoding="utf-8")) if run_file.is_file() else {}
    return write_page(
        path,
        "training.html",
        title=f"Training run {folder.resolve().name}",
        facts=summarize_run(rows),
        charts=learning_curves(rows),
        options=flatten(options),
        origins=_origins(folder, options),
    )


def summarize_run(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return name and value of what there is to say of a run in a few lines."""
    facts = []
    if rows:
        facts.append(("updates", str(rows[-1]["step"])))
    if elapsed := _column(rows, "elapsed"):
        facts.append(("training time", f"{elapsed[-1] / 60:.1f} min"))
    for name, title in (("loss", "training loss"), ("action_error", "action error")):
        if values := _column(rows, name):
            facts.append((f"last {title}", f"{values[-1]:.4g}"))
    if values := _column(rows, "val_loss"):
        best = min(values)
        step = next(row["step"] for row in rows if row.get("val_loss") == best)
        facts += [("last held-out loss", f"{values[-1]:.4g}"), ("best held-out loss", f"{best:.4g}, at update {step}")]
    if values := _column(rows, "samples_per_second"):
        facts.append(("median speed", f"{median(values):.0f} samples/s"))
    return facts


def learning_curves(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a chart of each metric over updates, training and held-out values together."""
    found = dict.fromkeys(name.removeprefix(HELD_OUT) for row in rows for name in row)
    names = [name for name in TITLES if name in found]
    names += [name for name in found if name not in TITLES and name not in UNSHOWN]
    charts = []
    for name in names:
        title, unit = TITLES.get(name, (name.replace("_", " "), ""))
        lines = []
        for key, label in ((name, "training"), (HELD_OUT + name, "held out")):
            points = [(row["step"], row[key]) for row in rows if _is_number(row.get(key))]
            lines.append(Series(label, [x for x, _ in points], [y for _, y in points]))
        if chart := line_chart(title, lines, "updates", unit):
            charts.append(chart)
    return charts


def _origins(folder: Path, options: Mapping[str, Any]) -> list[Origin]:
    begun = [json.loads(line) for line in whole_lines(folder / STARTS)]
    starts = [{"seed": options.get("seed", "not recorded"), **start} for start in begun] or [options]
    names = ["begun", *(f"resumed, {count}" for count in range(1, len(starts)))]
    return [origin(name, start) for name, start in zip(names, starts, strict=True)]


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    return [row[name] for row in rows if _is_number(row.get(name))]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and value == value and abs(value) != float("inf")
