"""``vla inspect``: print what is in a dataset and what looks wrong, and draw a contact sheet."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vla.data.inspection import Report, draw_contact_sheet, inspect_folder, locate, read_folder
from vla.errors import ConfigError

TASKS_SHOWN = 30
BARS = " ▁▂▃▄▅▆▇█"
STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def run(config: DictConfig) -> int:
    """Inspect ``config.dataset``. What looks wrong is printed, and does not change the exit code.

    Raises:
        DatasetError: it is not a LeRobot v3.0 dataset.
        ConfigError: ``output`` is not a PNG.
    """
    if config.output and Path(config.output).suffix.lower() != ".png":
        raise ConfigError(f"output={config.output} must end in .png; the report goes beside it as .json")
    root = locate(str(config.dataset))
    folder = read_folder(root)
    report = inspect_folder(folder)
    console = Console()
    print_report(report, console)
    sheet = Path(config.output) if config.output else Path("outputs/inspect") / f"{root.resolve().name}.png"
    drawn = draw_contact_sheet(folder, sheet)
    written = sheet.with_suffix(".json")
    temporary = written.with_name(f".{written.name}.{os.getpid()}")
    temporary.write_text(json.dumps(asdict(report), indent=2) + "\n")
    temporary.replace(written)
    console.print(f"contact sheet ({drawn}): {sheet}", f"report: {written}", sep="\n", highlight=False)
    return 0


def print_report(report: Report, console: Console) -> None:
    """Print the whole report as tables."""
    console.print(f"[bold]{escape(report.root)}[/]", highlight=False)
    console.print(
        f"LeRobot {report.version}, robot {escape(report.robot)}: {report.episodes} episodes, {report.frames} frames, "
        f"{report.fps:g} fps, {report.seconds / 60:.1f} min, {report.bytes_on_disk / 1e6:.1f} MB",
        highlight=False,
    )
    if report.lengths is not None:
        lengths = report.lengths
        console.print(
            f"episode length: {lengths.min:.1f} to {lengths.max:.1f} s, median {lengths.median:.1f}, "
            f"mean {lengths.mean:.1f}  |{sparkline(lengths.histogram)}|",
            highlight=False,
        )
    console.print(_features(report), _tasks(report))
    if report.metadata:
        console.print(_metadata(report))
    if any(feature.dimensions for feature in report.features):
        console.print(_statistics(report))
    if not report.findings:
        console.print("[green]nothing suspicious[/]")
    for finding in report.findings:
        console.print(f"[{STYLES[finding.severity]}]{finding.severity:>7}[/]  {escape(finding.text)}", highlight=False)


def sparkline(counts: tuple[int, ...]) -> str:
    """Return one character a count, as high as the count is large."""
    top = max(counts, default=0) or 1
    return "".join(BARS[-(-count * (len(BARS) - 1) // top)] for count in counts)


def _features(report: Report) -> Table:
    table = Table("feature", "dtype", "shape", "names", title="features", title_justify="left")
    for feature in report.features:
        table.add_row(
            escape(feature.name), feature.dtype, "x".join(map(str, feature.shape)), escape(", ".join(feature.names))
        )
    return table


def _tasks(report: Report) -> Table:
    table = Table("task", "frames", "episodes", title=f"tasks ({len(report.tasks)})", title_justify="left")
    for task in report.tasks[:TASKS_SHOWN]:
        table.add_row(escape(task.text), str(task.frames), str(task.episodes))
    if len(report.tasks) > TASKS_SHOWN:
        rest = report.tasks[TASKS_SHOWN:]
        table.add_row(f"… {len(rest)} more", str(sum(task.frames for task in rest)), "")
    return table


def _metadata(report: Report) -> Table:
    table = Table("column", "distinct", "missing", "values", title="episode metadata", title_justify="left")
    for column in report.metadata:
        shown = f"{column.span[0]:g} to {column.span[1]:g}" if column.span else "; ".join(column.examples)
        table.add_row(escape(column.name), str(column.distinct), str(column.missing), escape(shown))
    return table


def _statistics(report: Report) -> Table:
    table = Table("number", "min", "q01", "mean", "std", "q99", "max", title="statistics", title_justify="left")
    for feature in report.features:
        for dimension in feature.dimensions:
            values = (dimension.min, dimension.q01, dimension.mean, dimension.std, dimension.q99, dimension.max)
            table.add_row(escape(f"{feature.name} {dimension.name}"), *(f"{value:.4g}" for value in values))
        if feature.dimensions:
            table.add_section()
    return table
