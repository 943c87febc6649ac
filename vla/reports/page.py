"""Fills the templates; what is put in is escaped, and what comes out asks for nothing outside."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def write_page(path: Path, template: str, **values: Any) -> Path:
    """Write a page, whole or not at all, and return its path."""
    page = _environment().get_template(template).render(**values)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(page, encoding="utf-8")
    temporary.replace(path)
    return path


def percent(rate: float) -> str:
    """Write a rate: ``79.6 %``."""
    return f"{100 * rate:.1f} %"


def interval(ends: Sequence[float]) -> str:
    """Write the ends of a rate's interval: ``60.0 – 96.8``."""
    return " – ".join(f"{100 * end:.1f}" for end in ends)


def points(difference: float) -> str:
    """Write a difference of rates in percentage points: ``+4.2``."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def point_interval(ends: Sequence[float]) -> str:
    """Write the ends of a difference's interval: ``−1.0 to +9.4``."""
    return " to ".join(points(end) for end in ends)


def chance(p: float) -> str:
    """Write a p value: ``0.031``, ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("vla.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (percent, interval, points, point_interval, chance):
        environment.filters[function.__name__] = function
    return environment
