"""Whether a dataset can be trained on: what is missing is named before work starts, and nothing is fetched for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from vla.data.features import ACTION, IMAGE_AXES
from vla.data.tables import episode_table, task_texts
from vla.errors import DatasetError

if TYPE_CHECKING:
    from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata

SHOWN = 3
"""How many missing files an error lists."""


def check_metadata(root: Path) -> None:
    """Make sure that a LeRobot v3.0 folder has its tables of tasks and episodes.

    Raises:
        DatasetError: it has not.
    """
    missing = [] if (root / "meta/tasks.parquet").is_file() else ["meta/tasks.parquet (what the robot is told)"]
    missing += [] if any((root / "meta/episodes").glob("*/*.parquet")) else ["meta/episodes/*/*.parquet"]
    if missing:
        raise DatasetError(f"{root} lacks {' and '.join(missing)}; {_more(root)}")


def check_trainable(meta: LeRobotDatasetMetadata) -> None:
    """Make sure that a dataset holds actions, tasks, and every file that its metadata names.

    Raises:
        DatasetError: it does not.
    """
    root = Path(meta.root)
    if ACTION not in meta.features:
        raise DatasetError(f"{root} has no column {ACTION!r}; it has {', '.join(meta.features)}")
    rows = episode_table(meta) if meta.total_episodes else []
    if not rows:
        raise DatasetError(f"{root} has no episodes")
    if not task_texts(meta):
        raise DatasetError(f"{root} has no tasks: meta/tasks.parquet is empty; {_more(root)}")
    data = dict.fromkeys(_file(meta.data_path, row, "data", root) for row in rows)
    wanted = dict(data)
    for camera in meta.video_keys:
        if meta.video_path is None:
            raise DatasetError(f"{root} has no videos of {camera}: meta/info.json names no video_path")
        wanted |= dict.fromkeys(_file(meta.video_path, row, f"videos/{camera}", root, video_key=camera) for row in rows)
    if missing := [name for name in wanted if not (root / name).is_file()]:
        listed = ", ".join(missing[:SHOWN]) + (f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else "")
        raise DatasetError(f"{root} lacks {len(missing)} of its {len(wanted)} files: {listed}; {_more(root)}")
    for name in data:
        _check_columns(root / name, meta)


def name_image_axes(meta: LeRobotDatasetMetadata) -> None:
    """Give images whose axes have no names the usual ones, which lerobot's policies ask for."""
    for camera in meta.camera_keys:
        if not meta.features[camera].get("names"):
            meta.features[camera]["names"] = IMAGE_AXES


def _check_columns(path: Path, meta: LeRobotDatasetMetadata) -> None:
    try:
        found = set(pq.read_schema(path).names)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    declared = {name for name in meta.features if name not in meta.video_keys}
    if lacking := sorted(declared - found):
        raise DatasetError(f"{path} lacks the columns {', '.join(lacking)}, which meta/info.json declares")
    if undeclared := sorted(found - declared):
        raise DatasetError(
            f"{path} holds the columns {', '.join(undeclared)}, which lerobot refuses since meta/info.json does not "
            "declare them among its features"
        )


def _file(template: str, row: dict[str, Any], prefix: str, root: Path, **names: str) -> str:
    place = {name: row.get(f"{prefix}/{name}") for name in ("chunk_index", "file_index")}
    if None in place.values():
        raise DatasetError(f"{root} has no {prefix} of episode {row['episode_index']}: meta/episodes names no file")
    return template.format(**place, **names)


def _more(root: Path) -> str:
    return f"`vla inspect {root}` shows what there is"
