"""``vla bench``: measure speed, and compare with others on the same machine in the same run."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

import vla.bench
from vla.bench.report import Report, write_report
from vla.cli.options import output_file
from vla.errors import UnknownNameError

SHARED = ("adversary", "limit_check", "report", "witness")


def run(config: DictConfig) -> int:
    """Run the benchmark that ``benchmark=`` names, print its table and write its JSON."""
    names = [module.name for module in pkgutil.iter_modules(vla.bench.__path__) if module.name not in SHARED]
    name = str(config.benchmark)
    if name not in names:
        raise UnknownNameError("benchmark", name, names)
    output = output_file(config.output or f"outputs/bench/{name}.json")
    logging.getLogger("lerobot").setLevel(logging.ERROR)
    report: Report = importlib.import_module(f"vla.bench.{name}").run(config)
    write_report(report, output)
    _show(report, output)
    return 0


def _show(report: Report, output: Path) -> None:
    rate = (f"{report.unit}/s",) if report.unit else ()
    table = Table("subject", "p50 [ms]", "p99 [ms]", *rate, title=report.name)
    for subject, row in report.rows.items():
        cells = [row.p50_ms, row.p99_ms, *([row.per_second] if row.per_second is not None else [])]
        table.add_row(subject, *(f"{cell:.1f}" for cell in cells))
    console = Console()
    console.print(table)
    for line in report.notes:
        console.print(line, highlight=False, soft_wrap=True)
    for pair, ratio in report.ratios.items():
        console.print(f"{pair}: {ratio:.2f}x", highlight=False)
    console.print(f"written to {output}", highlight=False, soft_wrap=True)
