"""Where datasets are: folders, or hub ids."""

from __future__ import annotations

from pathlib import Path

from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata
from lerobot.datasets.utils import CompatibilityError

from vla.data.readiness import check_metadata, name_image_axes
from vla.data.upgrade import current_folder
from vla.errors import DatasetError


def dataset_location(name: str) -> tuple[str, str | None]:
    """Return lerobot's (repo id, root) of a dataset folder or hub id; a folder of version 2.1 is converted first.

    Raises:
        DatasetError: a folder that is not a dataset.
    """
    path = Path(name).expanduser()
    if (path / "meta/info.json").is_file():
        return f"local/{path.resolve().name}", str(current_folder(path).resolve())
    if path.exists() or name.count("/") != 1 or name.startswith((".", "~", "/")):
        raise DatasetError(f"{name} is not a LeRobot dataset: {path / 'meta/info.json'} does not exist")
    return name, None


def open_metadata(name: str) -> LeRobotDatasetMetadata:
    """Open the metadata of a dataset folder or hub id.

    Raises:
        DatasetError: a file of it is missing, or cannot be read.
    """
    repo_id, root = dataset_location(name)
    if root is not None:
        check_metadata(Path(root))
    try:
        meta = LeRobotDatasetMetadata(repo_id, root=root)
    except (OSError, ValueError, KeyError, TypeError, NotImplementedError, CompatibilityError) as error:
        raise DatasetError(f"dataset {name} cannot be opened: {error}") from error
    name_image_axes(meta)
    return meta
