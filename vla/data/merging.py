"""Several datasets as one."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from lerobot.datasets.dataset_tools import merge_datasets
from lerobot.datasets.lerobot_dataset import LeRobotDataset

from vla.data.location import dataset_location, open_metadata
from vla.errors import DatasetError


def merge(names: Sequence[str], output: Path) -> LeRobotDataset:
    """Write the episodes of several datasets to one, in order, with what is kept of each episode.

    Args:
        names: dataset folders or hub ids.
        output: folder to write; it appears when it is complete.

    Raises:
        DatasetError: fewer than two datasets, one that cannot be opened, datasets that do not fit together, or an
            output that exists.
    """
    if len(names) < 2:
        raise DatasetError(f"merging takes at least two datasets, not {len(names)}")
    if output.exists():
        raise DatasetError(f"{output} exists; choose another output or remove it")
    _check_alike(names)
    datasets = []
    for name in names:
        repo_id, root = dataset_location(name)
        datasets.append(LeRobotDataset(repo_id, root=root))
    partial = output.with_name(f"{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    merge_datasets(datasets, output_repo_id=f"local/{output.name}", output_dir=partial)
    partial.rename(output)
    return LeRobotDataset(f"local/{output.name}", root=output)


def _check_alike(names: Sequence[str]) -> None:
    first, *others = [open_metadata(name) for name in names]
    for name, meta in zip(names[1:], others, strict=True):
        for what in ("fps", "robot_type"):
            ours, theirs = getattr(first, what), getattr(meta, what)
            if ours != theirs:
                raise DatasetError(f"{names[0]} has {what} {ours}, but {name} has {theirs}")
        for key in sorted(set(first.features) | set(meta.features)):
            ours, theirs = (features.get(key, {}).get("shape") for features in (first.features, meta.features))
            if ours is None or theirs is None or tuple(ours) != tuple(theirs):
                raise DatasetError(f"{names[0]} has {key} of shape {ours}, but {name} has {theirs}")
