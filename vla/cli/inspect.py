"""``vla inspect``: what is in a dataset and what looks wrong, as tables, as a page with pictures, and in rerun."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vla.cli.options import check_range
from vla.cli.progress import Reporter
from vla.data.inspection import (
    DatasetFolder,
    Report,
    Strip,
    draw_contact_sheet,
    find_outliers,
    inspect_folder,
    locate,
    read_folder,
    read_strip,
    show_in_rerun,
    spread,
)
from vla.data.json_file import write_json
from vla.errors import ConfigError
from vla.provenance import origin
from vla.reports.dataset_page import Inspection, shown_outliers, write_dataset_page

TASKS_SHOWN = 30
BARS = " ▁▂▃▄▅▆▇█"
STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def run(config: DictConfig) -> int:
    """Inspect ``config.dataset``. What looks wrong is shown, and does not change the exit code.

    Raises:
        DatasetError: it is not a LeRobot dataset.
        ConfigError: ``output`` is no page, or ``rerun`` no target.
    """
    if config.output and Path(config.output).suffix.lower() != ".html":
        raise ConfigError(f"output={config.output} must end in .html; contact sheet and figures go beside it")
    check_range("episodes", config.episodes, 0)
    check_range("scan", config.scan, 0)
    root = locate(str(config.dataset))
    page = Path(config.output) if config.output else Path("outputs/inspect") / f"{root.resolve().name}.html"
    wants_rerun, rerun_file = rerun_choice(config, page)
    folder = read_folder(root)
    report = inspect_folder(folder)
    console = Console()
    print_report(report, console)
    inspection = look(folder, report, config.episodes, config.scan)
    drawn = draw_contact_sheet(folder, page.with_suffix(".png"))
    outliers = [asdict(outlier) for outlier in inspection.outliers]
    write_json(page.with_suffix(".json"), asdict(report) | {"outliers": outliers})
    write_dataset_page(inspection, str(config.dataset), origin(), page)
    console.print(
        f"contact sheet ({drawn}): {page.with_suffix('.png')}",
        f"figures: {page.with_suffix('.json')}",
        f"page: {page}",
        sep="\n",
        highlight=False,
        soft_wrap=True,
    )
    if wants_rerun:
        chosen = [strip.episode for strip in inspection.sample]
        with Reporter("logging episodes", len(chosen)) as reporter:
            show_in_rerun(folder, chosen, rerun_file, lambda done: reporter.update(done, ""))
        console.print(f"rerun: {rerun_file or 'viewer'}", highlight=False, soft_wrap=True)
    return 0


def rerun_choice(config: DictConfig, page: Path) -> tuple[bool, Path | None]:
    """Return whether episodes are to be shown in rerun, and the file to write; None for the viewer.

    Raises:
        ConfigError: the target is neither.
    """
    from vla.runtime.rerun_log import VIEWER, check_target

    if config.rerun is None or config.rerun is False:
        return False, None
    target = str(config.rerun)
    if config.rerun is True:
        target = VIEWER if has_display() else str(page.with_suffix(".rrd"))
    check_target(target)
    return True, None if target == VIEWER else Path(target)


def has_display() -> bool:
    """Whether a window can be opened on this machine."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def look(folder: DatasetFolder, report: Report, shown: int, scanned: int) -> Inspection:
    """Read frames: of a sample to show, of another to look for what is wrong, and of the outliers to show."""
    sample, scan = spread(folder, shown), spread(folder, scanned)
    strips: dict[int, Strip] = {}
    wanted = [episode for episode in folder.slices if episode in {*sample, *scan}]
    with Reporter("looking at frames", len(wanted)) as reporter:
        for episode in wanted:
            strips[episode] = read_strip(folder, episode)
            reporter.update(len(strips), "")
    looked_at = [strips[episode] for episode in scan if strips[episode].seen]
    outliers = find_outliers(folder, looked_at)
    for episode in shown_outliers(outliers):
        strips.setdefault(episode, read_strip(folder, episode))
    return Inspection(folder, report, [strips[episode] for episode in sample], len(looked_at), outliers, strips)


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
