"""Two sides on their common scenes as a page."""

from __future__ import annotations

from pathlib import Path

from vla.evaluation.comparison import Comparison
from vla.reports.charts import difference_bar, rate_bar
from vla.reports.origin import origin
from vla.reports.page import chance, point_interval, points, write_page


def write_comparison_page(comparison: Comparison, path: Path) -> Path:
    """Write the page and return its path."""
    rows = [*comparison.tasks, comparison.total]
    return write_page(
        path,
        "comparison.html",
        title=f"{side_name(comparison, 'b')} against {side_name(comparison, 'a')}",
        comparison=comparison,
        several=len(comparison.a) > 1 or len(comparison.b) > 1,
        verdict=verdict(comparison),
        notes=notes(comparison),
        rows=[(row, difference_bar(row.difference, row.interval)) for row in rows],
        sides=[
            (letter.upper(), side_name(comparison, letter), rate, ends, rate_bar(rate, ends))
            for letter, rate, ends in (
                ("a", comparison.total.rate_a, comparison.total.interval_a),
                ("b", comparison.total.rate_b, comparison.total.interval_b),
            )
        ],
        spreads=[("A", comparison.a, comparison.spread_a), ("B", comparison.b, comparison.spread_b)],
        origins=[
            origin(f"{letter}: {run.path}", run.values)
            for letter, runs in (("A", comparison.a), ("B", comparison.b))
            for run in runs
        ],
    )


def side_name(comparison: Comparison, side: str) -> str:
    """Return what to call a side: its files' names, with their folders where those of both sides are alike."""
    a, b = ([run.name for run in runs] for runs in (comparison.a, comparison.b))
    runs = comparison.a if side == "a" else comparison.b
    alike = set(a) & set(b)
    return ", ".join(str(run.path.with_suffix("")) if run.name in alike else run.name for run in runs)


def verdict(comparison: Comparison) -> str:
    """Say in a sentence what the interval of the difference allows to say."""
    total = comparison.total
    low, high = total.interval
    span = f"{points(total.difference)} points, 95% interval {point_interval(total.interval)}"
    if low > 0:
        return f"B is better: {span}."
    if high < 0:
        return f"B is worse: {span}."
    return f"No difference is shown: {span}."


def notes(comparison: Comparison) -> list[str]:
    """Return what a reader has to know of the numbers."""
    several = len(comparison.a) > 1 or len(comparison.b) > 1
    test = "the sign test over scenes" if several else "McNemar's exact test"
    lines = [
        "The difference is that of B minus A; its interval is a paired bootstrap over the scenes of these tasks"
        + (" and over the runs of each side." if several else "."),
        f"p is that of {test}, {chance(comparison.total.p)} over all tasks; that of a single task is not corrected for "
        "their number.",
    ]
    if several:
        lines.append("The interval of a side's rate counts each run's episode as a trial of its own.")
    if comparison.left_out:
        lines.append(f"{comparison.left_out} scenes that not all runs tried are left out.")
    return lines
