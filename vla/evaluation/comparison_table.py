"""Shows a comparison as tables in a terminal."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.table import Table

from vla.evaluation.comparison import Comparison, Row


def comparison_table(comparison: Comparison) -> Table:
    """Return success, difference and test of each task and of all."""
    several = len(comparison.a) > 1 or len(comparison.b) > 1
    table = Table(box=SIMPLE)
    table.add_column("task", no_wrap=True)
    ahead = "ahead\nA : B" if several else "only\nA : B"
    for heading in ("scenes", "A %", "B %", "B − A\n[95% interval]", ahead, "p"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in comparison.tasks:
        table.add_row(*_cells(row))
    table.add_section()
    table.add_row(*_cells(comparison.total), style="bold")
    return table


def steps_table(comparison: Comparison) -> Table:
    """Return steps to success in scenes that both sides solve."""
    table = Table("task", title="control ticks in scenes that both solve", title_justify="left", box=SIMPLE)
    for heading in ("scenes", "median A", "median B", "mean of B − A", "95% interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in comparison.steps:
        low, high = row.interval
        table.add_row(
            row.name,
            str(row.scenes),
            f"{row.median_a:.0f}",
            f"{row.median_b:.0f}",
            f"{row.difference:+.1f}",
            f"{low:+.1f} to {high:+.1f}",
        )
    return table


def spread_lines(comparison: Comparison) -> list[str]:
    """Return one line a side that has several runs: mean, standard deviation, and each run's macro success."""
    lines = []
    for letter, spread in (("A", comparison.spread_a), ("B", comparison.spread_b)):
        if spread.deviation is not None:
            rates = ", ".join(f"{100 * rate:.1f}" for rate in spread.rates)
            lines.append(f"{letter}: {100 * spread.mean:.1f} ± {100 * spread.deviation:.1f} % over runs ({rates})")
    return lines


def _cells(row: Row) -> tuple[str, ...]:
    low, high = row.interval
    return (
        row.name,
        str(row.scenes),
        f"{100 * row.rate_a:.1f}",
        f"{100 * row.rate_b:.1f}",
        f"{100 * row.difference:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]",
        f"{row.only_a} : {row.only_b}",
        "< 0.001" if row.p < 0.001 else f"{row.p:.3f}",
    )
