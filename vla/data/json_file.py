"""JSON files that are whole or not there, and files of JSON lines whose last one may have been cut off."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write under a temporary name, then rename; makes the folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(path)


def whole_lines(path: Path) -> list[str]:
    """Return the lines of a file with their ends; none if it does not exist, and not a last one that was cut off."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [f"{line}\n" for line in text.split("\n")[:-1]]
