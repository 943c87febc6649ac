"""A dataset as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from vla.data.features import ACTION, STATE, camera_name
from vla.data.inspection.advice import obstacles, training_command
from vla.data.inspection.folder import DatasetFolder
from vla.data.inspection.language import instructions
from vla.data.inspection.outliers import KINDS, Outlier
from vla.data.inspection.report import Feature, Report
from vla.data.inspection.strips import MOMENTS, Strip
from vla.reports.charts import traces, value_histogram
from vla.reports.media import embed_row
from vla.reports.origin import origin
from vla.reports.page import write_page

CHARTS = 24
"""Most dimensions of a column with a chart."""
PER_KIND = 4
"""Outliers of a kind with a strip."""


@dataclass(frozen=True)
class Row:
    """Frames of one camera, side by side."""

    camera: str
    source: str
    percent: float
    """Width, so that frames of short episodes are no larger than those of others."""


@dataclass(frozen=True)
class Picture:
    """An episode as it is shown."""

    episode: int
    seconds: float
    instruction: str
    rows: tuple[Row, ...]
    curves: Markup
    """Where there are no frames."""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inspection:
    """All that a page shows."""

    folder: DatasetFolder
    report: Report
    sample: Sequence[Strip]
    """Episodes that are shown."""
    looked_at: int
    """Episodes whose frames were looked at for outliers."""
    outliers: Sequence[Outlier]
    strips: Mapping[int, Strip]
    """Episode -> strip, of at least those that ``shown_outliers`` names."""


def shown_outliers(outliers: Sequence[Outlier]) -> list[int]:
    """Return the episodes that are shown as outliers: a few of each kind."""
    chosen = [
        outlier.episode
        for kind in KINDS
        for outlier in [outlier for outlier in outliers if outlier.kind == kind][:PER_KIND]
    ]
    return list(dict.fromkeys(chosen))


def write_dataset_page(inspection: Inspection, dataset: str, about: Mapping[str, Any], path: Path) -> Path:
    """Write the page of a dataset and return its path.

    Args:
        inspection: what was found.
        dataset: how the user named it.
        about: ``command``, ``versions`` and ``provenance``.
        path: HTML file.
    """
    folder, report = inspection.folder, inspection.report
    told = instructions(folder)
    reasons: dict[int, list[str]] = {}
    for outlier in inspection.outliers:
        reasons.setdefault(outlier.episode, []).append(outlier.text)
    return write_page(
        path,
        "dataset.html",
        title=f"Dataset {Path(dataset).name}",
        report=report,
        facts=_facts(report),
        lengths=_lengths(report),
        sample=[_picture(folder, strip, told[strip.episode]) for strip in inspection.sample],
        outliers=inspection.outliers,
        looked_at=inspection.looked_at,
        shown=[
            _picture(folder, inspection.strips[episode], told[episode], tuple(reasons[episode]))
            for episode in shown_outliers(inspection.outliers)
        ],
        columns=[_column(feature) for feature in report.features if feature.dimensions],
        language=report.language,
        word_counts=_word_counts(report),
        command=training_command(folder, dataset),
        obstacles=obstacles(folder, report.findings),
        origins=[origin(dataset, about)],
    )


def _facts(report: Report) -> list[tuple[str, str]]:
    facts = [
        ("folder", report.root),
        ("LeRobot version", report.version),
        ("robot", report.robot),
        ("episodes", str(report.episodes)),
        ("frames", f"{report.frames}, {report.fps:g} a second"),
        ("duration", f"{report.seconds / 60:.1f} min"),
        ("size", f"{report.bytes_on_disk / 1e6:.1f} MB"),
    ]
    if (lengths := report.lengths) is not None:
        facts.append(("episode length", f"{lengths.min:.1f} to {lengths.max:.1f} s, median {lengths.median:.1f} s"))
    return facts


def _lengths(report: Report) -> Markup | None:
    if report.lengths is None:
        return None
    ends = (report.lengths.min, report.lengths.max)
    if ends[1] <= ends[0]:
        return None
    return value_histogram("Episode length", ends, report.lengths.histogram, "length [s]", "episodes")


def _word_counts(report: Report) -> Markup | None:
    lengths = dict(report.language.lengths)
    if not lengths:
        return None
    first, last = min(lengths), max(lengths)
    counts = [lengths.get(words, 0) for words in range(first, last + 1)]
    return value_histogram(
        "Length of the instructions", (first - 0.5, last + 0.5), counts, "words", "different instructions"
    )


def _column(feature: Feature) -> dict[str, Any]:
    """Return a column of numbers with its charts; those that a policy learns from come with more of them."""
    most = CHARTS if feature.name in (STATE, ACTION) else 0
    changing = [dimension for dimension in feature.dimensions if dimension.histogram]
    charts = [
        value_histogram(
            f"{feature.name} {dimension.name}", (dimension.min, dimension.max), dimension.histogram, "value", "frames"
        )
        for dimension in changing[:most]
    ]
    return {"feature": feature, "charts": charts, "left_out": len(changing) - len(charts) if most else 0}


def _picture(folder: DatasetFolder, strip: Strip, instruction: str, reasons: tuple[str, ...] = ()) -> Picture:
    rows = [(camera, embed_row(frames), len(frames)) for camera, frames in strip.frames.items()]
    shown = tuple(
        Row(camera_name(camera), source, 100 * count / MOMENTS) for camera, source, count in rows if source is not None
    )
    curves = Markup("") if shown else _curves(folder, strip)
    return Picture(strip.episode, strip.seconds, instruction, shown, curves, reasons)


def _curves(folder: DatasetFolder, strip: Strip) -> Markup:
    name = next((name for name in (STATE, ACTION) if name in folder.vectors), None)
    if name is None:
        return Markup("")
    values = folder.vectors[name][folder.slices[strip.episode]]
    finite = [column.tolist() for column in values.T[:CHARTS] if all(map(_finite, column.tolist()))]
    return traces(f"{name} of episode {strip.episode} over time, each number in its own range", finite)


def _finite(value: float) -> bool:
    return value == value and abs(value) != float("inf")
