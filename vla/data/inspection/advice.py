"""How to train on a dataset, and what stands against it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from vla.data.features import ACTION, STATE
from vla.data.inspection.checks import Finding
from vla.data.inspection.folder import DatasetFolder

LARGE = 256
"""Frames with a longer side are scaled down for training [px]."""
TRAINED = 128
"""Size that they are scaled to [px]."""


def training_command(folder: DatasetFolder, dataset: str) -> str:
    """Return the command line that trains the default policy on a dataset, named as the user named it."""
    name = re.sub(r"[^\w.-]+", "_", Path(dataset).expanduser().resolve().name)
    words = ["vla", "train", f"dataset={dataset}", f"output=outputs/train/{name}", "minutes=60"]
    sides = [side for camera in folder.cameras for side in folder.features[camera].get("shape", ())]
    if max(sides, default=0) > LARGE:
        words.append(f"policy.image_size={TRAINED}")
    if len(folder.slices) < 2:
        words.append("val_fraction=0")
    return shlex.join(words)


def obstacles(folder: DatasetFolder, findings: Sequence[Finding]) -> list[str]:
    """Return what keeps the default policy from being trained, in words."""
    found = [f"There is no column {name}." for name in (ACTION, STATE) if name not in folder.features]
    if not folder.cameras:
        found.append("There is no camera, a column of images or videos.")
    return found + [f"{finding.text[0].upper()}{finding.text[1:]}." for finding in findings if _stops(finding)]


def _stops(finding: Finding) -> bool:
    return finding.severity == "error"
