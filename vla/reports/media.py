"""Puts pictures into a page, and videos up to a size; links the videos beyond it."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

MEGABYTE = 1_000_000
QUALITY = 75
"""Of pictures as JPEG."""
GAP = 2
"""Between the pictures of a row [px]."""
BLANK = 128
"""Grey level of a picture that is not there."""


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


def embed_row(frames: Sequence[NDArray[np.uint8] | None]) -> str | None:
    """Return the ``data:`` address of frames side by side, each (H, W, 3); None if there is none of them."""
    import cv2

    seen = [frame for frame in frames if frame is not None]
    if not seen:
        return None
    height, width = seen[0].shape[:2]
    row = np.full((height, (width + GAP) * len(frames) - GAP, 3), 255, np.uint8)
    for index, frame in enumerate(frames):
        left = index * (width + GAP)
        row[:, left : left + width] = BLANK
        if frame is not None and frame.shape[:2] == (height, width):
            row[:, left : left + width] = frame
    encoded = cv2.imencode(".jpg", row[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode()
