"""Shows an evaluation's success rates as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from rich.table import Table

SHOWN_REASONS = 2


def success_table(success: Mapping[str, Any], monitor: Mapping[str, Any] = MappingProxyType({})) -> Table:
    """Return the table of a result's ``success`` and ``monitor`` entries; see `vla.evaluation.results`."""
    table = Table()
    table.add_column("task", no_wrap=True)
    for heading in ("success", "95% interval", "episodes", "median steps"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("failures")
    for task, entry in success["per_task"].items():
        steps = entry["steps_to_success"]
        shown = "" if steps is None else f"{steps:.0f}"
        table.add_row(task, *_rates(entry), str(entry["episodes"]), shown, _reasons(entry["failures"]))
    table.add_section()
    for group, entry in success["per_group"].items():
        table.add_row(f"group {group}", *_rates(entry), str(entry["episodes"]))
    table.add_section()
    table.add_row("macro (groups)", _percent(success["macro"]), _interval(success["interval"]), style="bold")
    table.add_row("mean (tasks)", _percent(success["weighted"]))
    for name, entry in success.get("measures", {}).items():
        table.add_row(
            f"macro, success {name.replace('_', ' ')}", _percent(entry["macro"]), _interval(entry["interval"])
        )
    if any(entry["count"] for entry in monitor.values()):
        table.add_section()
    for name, entry in monitor.items():
        if entry["count"]:
            rates = _percent(entry["rate"]), _interval(entry["interval"])
            table.add_row(name.replace("_", " "), *rates, str(entry["count"]), "", "of the planner")
    return table


def _rates(entry: Mapping[str, Any]) -> tuple[str, str]:
    return _percent(entry["success"]), _interval(entry["interval"])


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f} %"


def _interval(interval: Sequence[float]) -> str:
    low, high = interval
    return f"{100 * low:.1f} – {100 * high:.1f}"


def _reasons(failures: Mapping[str, int]) -> str:
    shown = [f"{count} × {reason.partition(';')[0]}" for reason, count in list(failures.items())[:SHOWN_REASONS]]
    if len(failures) > SHOWN_REASONS:
        shown.append("…")
    return ", ".join(shown)
