"""`vla report`: an evaluation or a training run as a page, or two evaluations compared on their common scenes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from vla.cli.options import check_range, output_file
from vla.errors import ConfigError
from vla.evaluation.comparison import compare
from vla.evaluation.comparison_table import comparison_table, spread_lines, steps_table
from vla.evaluation.reading import read_evaluation
from vla.evaluation.table import success_table
from vla.reports.comparison_page import notes, side_name, verdict, write_comparison_page
from vla.reports.evaluation_page import write_evaluation_page
from vla.reports.training_page import write_training_page

PAGE = "report.html"
"""Page in the folder of a training run."""


def run(config: DictConfig) -> int:
    """Write the page and print its tables.

    Raises:
        ConfigError: what is given is no evaluation or run, or cannot be compared.
    """
    check_range("embed_mb", config.embed_mb, 0)
    output = None if config.output is None else output_file(config.output)
    match _sides(config):
        case [a, b]:
            _compare(a, b, output)
        case [[path]]:
            _show(path, output, config.embed_mb)
        case sides:
            raise ConfigError(f"give b=, too, to compare with {', '.join(map(str, sides[0]))}")
    return 0


def default_comparison(a: Sequence[Path], b: Sequence[Path]) -> Path:
    """Name the page after what is compared."""
    sides = (re.sub(r"[^\w.]+", "_", "+".join(path.stem for path in side)) for side in (a, b))
    return Path("outputs/report") / f"{'-against-'.join(reversed(list(sides)))}.html"


def _sides(config: DictConfig) -> list[list[Path]]:
    named = [_paths(config[side]) for side in ("a", "b")]
    words = [Path(str(word)).expanduser() for word in config.runs]
    if words and any(named):
        raise ConfigError("give two results as words, or a= and b=, not both")
    if len(words) > 2:
        raise ConfigError(f"{len(words)} results are given; for several on a side use a=[x.json,y.json] b=[z.json]")
    sides = [[word] for word in words] or named
    if not sides[0]:
        raise ConfigError("name an evaluation (JSON), a training run (folder), or two evaluations to compare")
    return [side for side in sides if side]


def _paths(value: object) -> list[Path]:
    """Return the files of a side: one, a list, or names separated by commas."""
    if value is None:
        return []
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, Sequence):
        raise ConfigError(f"{value} names no files, e.g. a=[x.json,y.json]")
    return [Path(str(name).strip()).expanduser() for name in names]


def _show(path: Path, output: Path | None, embed_mb: float) -> None:
    if path.is_dir():
        page = write_training_page(path, output or path / PAGE)
    else:
        evaluation = read_evaluation(path)
        Console().print(success_table(evaluation.values["success"]))
        page = write_evaluation_page(evaluation, output or path.with_suffix(".html"), embed_mb)
    print(f"wrote {page}")


def _compare(a: Sequence[Path], b: Sequence[Path], output: Path | None) -> None:
    for path in (*a, *b):
        if path.is_dir():
            raise ConfigError(f"{path} is a folder; only evaluations (JSON) can be compared")
    comparison = compare([read_evaluation(path) for path in a], [read_evaluation(path) for path in b])
    console = Console()
    for side in ("a", "b"):
        console.print(f"{side.upper()}: {side_name(comparison, side)}", highlight=False, markup=False)
    console.print(comparison_table(comparison), steps_table(comparison))
    lines = [verdict(comparison), *notes(comparison), *spread_lines(comparison)]
    console.print(*lines, sep="\n", highlight=False, markup=False)
    page = write_comparison_page(comparison, output or default_comparison(a, b))
    print(f"wrote {page}")
