"""Where datasets are: folders, or hub ids."""

from __future__ import annotations

from pathlib import Path

from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata

from vla.errors import DatasetError


def dataset_location(name: str) -> tuple[str, str | None]:
    """Return lerobot's (repo id, root) of a dataset folder or hub id.

    Raises:
        DatasetError: a folder that is not a dataset.
    """
    path = Path(name).expanduser()
    if (path / "meta/info.json").is_file():
        return f"local/{path.resolve().name}", str(path.resolve())
    if path.exists() or name.count("/") != 1 or name.startswith((".", "~", "/")):
        raise DatasetError(f"{name} is not a LeRobot dataset: {path / 'meta/info.json'} does not exist")
    return name, None


def open_metadata(name: str) -> LeRobotDatasetMetadata:
    """Open the metadata of a dataset folder or hub id."""
    repo_id, root = dataset_location(name)
    try:
        return LeRobotDatasetMetadata(repo_id, root=root)
    except (OSError, ValueError, NotImplementedError) as error:
        raise DatasetError(f"dataset {name} cannot be opened: {error}") from error
