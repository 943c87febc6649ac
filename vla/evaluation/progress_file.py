"""Keeps the episodes of an unfinished evaluation, so that the same command goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vla.data.json_file import whole_lines
from vla.evaluation.results import EpisodeRecord


class ProgressFile:
    """One JSON line a finished episode, below a line that says which evaluation they belong to.

    Episodes found in the file are kept if it belongs to the same evaluation; otherwise the file is started afresh.

    Args:
        path: the file; its folder is created.
        identity: everything that the episodes depend on.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self._path = path
        header = json.dumps(dict(identity), sort_keys=True)
        lines = whole_lines(path)
        same = bool(lines) and lines[0].rstrip("\n") == header
        kept = lines[1:] if same else []
        self.records = [EpisodeRecord.from_json(json.loads(line)) for line in kept]
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text("".join([header + "\n", *kept]), encoding="utf-8")
        fresh.rename(path)

    def append(self, record: EpisodeRecord) -> None:
        """Add an episode, in the file too."""
        self.records.append(record)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(record), ensure_ascii=False) + "\n")

    def remove(self) -> None:
        """Delete the file, because the evaluation is complete."""
        self._path.unlink()
