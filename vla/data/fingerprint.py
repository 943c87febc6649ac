"""Short names for the contents of a dataset folder, by which what is made of it is kept."""

from __future__ import annotations

import hashlib
from pathlib import Path


def folder_fingerprint(root: Path, first: bytes, metadata: str) -> str:
    """Return a short hash of a dataset folder.

    Args:
        root: dataset folder.
        first: what distinguishes it besides.
        metadata: pattern of the files whose contents count; of data and videos, names and sizes do.
    """
    digest = hashlib.sha256(first)
    for path in sorted(root.glob(metadata)):
        digest.update(path.read_bytes())
    for path in sorted([*root.glob("videos/**/*.mp4"), *root.glob("data/**/*.parquet")]):
        digest.update(f"{path.relative_to(root)} {path.stat().st_size}".encode())
    return digest.hexdigest()[:16]
