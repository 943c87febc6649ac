"""What installed packages hold, and where this one keeps what it can make again."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path


def package_folder(name: str) -> Path | None:
    """Return the folder of an installed package without importing it; None if there is no such package."""
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    locations = spec.submodule_search_locations if spec is not None else None
    return Path(locations[0]) if locations else None


def cache_folder(kind: str) -> Path:
    """Return the folder for caches of a kind: ``$XDG_CACHE_HOME/vla/<kind>``, by default under ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vla" / kind
