"""Datasets of an older LeRobot version: a folder of version 2.1 is used through a converted copy in the cache."""

from __future__ import annotations

import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

from vla.data.fingerprint import folder_fingerprint
from vla.data.installed import cache_folder
from vla.errors import DatasetError

logger = logging.getLogger(__name__)

OLD, CURRENT = "v2.1", "v3.0"
TABLES = ("meta/tasks.jsonl", "meta/episodes.jsonl", "meta/episodes_stats.jsonl")
"""Beside ``meta/info.json``, what a folder of version 2.1 has to hold."""


def current_folder(root: Path, cache: Path | None = None) -> Path:
    """Return ``root`` itself, or its copy in LeRobot v3.0 if it is a dataset of version 2.1.

    The copy is made once, by lerobot's own converter, and made again when the dataset changes. The dataset itself stays
    as it is. Cameras of which a video is missing have none in the copy.

    Args:
        root: dataset folder.
        cache: where copies live; None for the user's cache.

    Raises:
        DatasetError: the version is another one, or the folder lacks something without which it cannot be converted.
    """
    info = read_info(root)
    version = str(info.get("codebase_version", "none"))
    if version.startswith("v3"):
        return root
    if version != OLD:
        earlier = f"; lerobot {OLD[1:]} to 0.3 convert older ones to {OLD}" if version.startswith(("v1", "v2")) else ""
        raise DatasetError(f"{root} is a LeRobot dataset of version {version!r}; {OLD} and {CURRENT} are read{earlier}")
    _check(root, info)
    home = cache or cache_folder("datasets")
    copy = home / f"{root.resolve().name}-{folder_fingerprint(root, str(root.resolve()).encode(), 'meta/*.json*')}"
    if not copy.exists():
        home.mkdir(parents=True, exist_ok=True)
        partial = home / f".{copy.name}.{os.getpid()}"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            _convert(root, info, partial)
            try:
                partial.replace(copy)
            except OSError:  # another process was faster
                if not copy.exists():
                    raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return copy


def read_info(root: Path) -> dict[str, Any]:
    """Return the contents of ``meta/info.json``.

    Raises:
        DatasetError: it is missing, or no JSON object.
    """
    path = root / "meta/info.json"
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DatasetError(f"{root} is not a LeRobot dataset: {path} does not exist") from error
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} is not JSON: {error}") from error
    if not isinstance(info, dict):
        raise DatasetError(f"{path} is not a JSON object")
    return info


def _check(root: Path, info: dict[str, Any]) -> None:
    missing = [name for name in TABLES if not (root / name).is_file()]
    missing += [] if any((root / "data").glob("*/*.parquet")) else ["data/*/*.parquet"]
    if missing:
        raise DatasetError(f"{root} is a LeRobot dataset of version {OLD} that lacks {', '.join(missing)}")
    if lacking := [key for key in ("fps", "features") if not info.get(key)]:
        raise DatasetError(f"{root / 'meta/info.json'} lacks {', '.join(lacking)}")


def _convert(root: Path, info: dict[str, Any], target: Path) -> None:
    from lerobot.datasets.utils import DEFAULT_DATA_FILE_SIZE_IN_MB as DATA_MB
    from lerobot.datasets.utils import DEFAULT_VIDEO_FILE_SIZE_IN_MB as VIDEO_MB
    from lerobot.scripts import convert_dataset_v21_to_v30 as converter

    logger.warning("%s is a LeRobot dataset of version %s: a copy is converted to %s", root, OLD, CURRENT)
    source = target / "source"
    (source / "meta").mkdir(parents=True)
    for path in root.glob("meta/*"):
        if path.is_file() and path.name != "info.json":
            (source / "meta" / path.name).symlink_to(path.resolve())
    cameras = [name for name, feature in info["features"].items() if feature.get("dtype") == "video"]
    complete = {"total_chunks": 0, "total_videos": 0, "splits": {}} | info | {"video_path": "" if cameras else None}
    (source / "meta/info.json").write_text(json.dumps(complete))
    (source / "data").symlink_to((root / "data").resolve())
    if (root / "videos").is_dir():
        (source / "videos").symlink_to((root / "videos").resolve())
    result = target / "converted"
    try:
        converter.convert_info(source, result, DATA_MB, VIDEO_MB)
        converter.convert_tasks(source, result)
        episodes = converter.convert_data(source, result, DATA_MB)
        videos: list[dict[str, Any]] = [{"episode_index": index} for index in range(len(episodes))]
        for camera in sorted(cameras):
            if len(list((source / "videos").glob(f"*/{camera}/*.mp4"))) == len(episodes):
                places = converter.convert_videos_of_camera(source, result, camera, VIDEO_MB)
                videos = [known | place for known, place in zip(videos, places, strict=True)]
        converter.convert_episodes_metadata(source, result, episodes, videos)
    except Exception as error:
        raise DatasetError(f"{root} cannot be converted from {OLD} to {CURRENT}: {error!r}") from error
    for path in result.iterdir():
        path.replace(target / path.name)
    shutil.rmtree(source)
    result.rmdir()
