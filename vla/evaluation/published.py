"""Published results of a benchmark, kept in ``benchmarks/<suite>.yaml``, and ours beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from omegaconf import OmegaConf
from rich.table import Table


@dataclass(frozen=True)
class PublishedRow:
    """What somebody reports of a model."""

    model: str
    parameters: str | None
    per_group: Mapping[str, float]
    """Success rate a group, as a fraction; empty where it is not given."""
    macro: float
    """Mean over the groups, as a fraction."""
    source: str


@dataclass(frozen=True)
class Benchmark:
    """A public benchmark: how to measure, and what others have measured."""

    name: str
    protocol: tuple[str, ...]
    rows: tuple[PublishedRow, ...]

    def beaten(self, success: Mapping[str, Any]) -> list[PublishedRow]:
        """Return the rows that a result is above with all of its interval.

        Args:
            success: as ``vla.evaluation.results.summarize`` returns it.
        """
        return [row for row in self.rows if success["interval"][0] > row.macro]

    def entry(self, success: Mapping[str, Any]) -> dict[str, Any]:
        """Return the ``benchmark`` entry of the JSON: protocol, rows with rates as fractions, and which are beaten."""
        beaten = self.beaten(success)
        rows = [
            {
                "model": row.model,
                "parameters": row.parameters,
                "per_group": dict(row.per_group),
                "macro": row.macro,
                "source": row.source,
                "beaten": row in beaten,
            }
            for row in self.rows
        ]
        return {"name": self.name, "protocol": list(self.protocol), "rows": rows}

    def table(self, success: Mapping[str, Any], policy: str) -> Table:
        """Return published rows in the order of their macro average, ours among them, and the protocol below."""
        groups = list(success["per_group"])
        low, high = success["interval"]
        table = Table(title=f"{self.name} [%]", caption="\n".join(self.protocol), caption_justify="left")
        table.add_column("model", no_wrap=True)
        for heading in ("parameters", *groups, "macro", "beaten"):
            table.add_column(heading, justify="right", no_wrap=True)
        ours = [_percent(success["per_group"][group]["success"]) for group in groups]
        interval = f"{_percent(success['macro'])} ({_percent(low)} – {_percent(high)})"
        lines = [(success["macro"], (policy, "", *ours, interval, ""), "bold")]
        beaten = self.beaten(success)
        for row in self.rows:
            rates = [_percent(row.per_group.get(group)) for group in groups]
            cells = (row.model, row.parameters or "", *rates, _percent(row.macro), "yes" if row in beaten else "")
            lines.append((row.macro, cells, ""))
        for _, cells, style in sorted(lines, key=lambda line: line[0]):
            table.add_row(*cells, style=style)
        return table


def load_benchmark(suite: str) -> Benchmark | None:
    """Return the published results of a suite; None if it is no public benchmark."""
    file = resources.files("vla.evaluation") / "benchmarks" / f"{suite}.yaml"
    if ":" in suite or not file.is_file():
        return None
    content: Any = OmegaConf.to_container(OmegaConf.create(file.read_text(encoding="utf-8")))
    rows = [
        PublishedRow(
            model=row["model"],
            parameters=row["parameters"],
            per_group={group: round(percent / 100, 6) for group, percent in row.get("per_group", {}).items()},
            macro=round(row["macro"] / 100, 6),
            source=row["source"],
        )
        for row in content["rows"]
    ]
    return Benchmark(content["name"], tuple(content["protocol"]), tuple(rows))


def _percent(rate: float | None) -> str:
    return "" if rate is None else f"{100 * rate:.1f}"
