"""Puts videos into a page, up to a size, and links those beyond it."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Video:
    """Where a page finds a video."""

    source: str
    """``data:`` address, or a path relative to the page."""
    embedded: bool
    megabytes: float


def place_videos(files: Sequence[Path], page: Path, limit_mb: float) -> list[Video]:
    """Embed videos in order while they fit in ``limit_mb`` [MB] in all; link the others relative to the page."""
    left = limit_mb * MEGABYTE
    placed = []
    for file in files:
        size = file.stat().st_size
        if fits := size <= left:
            left -= size
            source = "data:video/mp4;base64," + base64.b64encode(file.read_bytes()).decode()
        else:
            source = quote(Path(os.path.relpath(file.resolve(), page.resolve().parent)).as_posix())
        placed.append(Video(source, fits, size / MEGABYTE))
    return placed
