"""Read the files of a LeRobot v3.0 dataset with pyarrow, noting what is missing instead of stopping there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla.data.upgrade import current_folder, read_info
from vla.errors import DatasetError

EXPECTED = "a LeRobot v3.0 dataset folder holds meta/info.json, meta/tasks.parquet, meta/episodes/ and data/"
IMAGE_DTYPES = ("video", "image")


@dataclass(frozen=True)
class DatasetFolder:
    """The contents of a dataset folder, except its images."""

    root: Path
    info: Mapping[str, Any]
    stats: Mapping[str, Any] | None
    """``meta/stats.json``; None when it is missing."""
    tasks: Mapping[int, str]
    """Task index -> text."""
    episodes: Mapping[str, list[Any]]
    """Column -> one value an episode, without the statistics; empty when ``meta/episodes`` is missing."""
    frames: Mapping[str, NDArray]
    """Column -> values of all frames: (N,) or (N, n)."""
    problems: tuple[str, ...] = ()
    """Files and columns that could not be read."""
    source: Path | None = None
    """The folder that was given, where ``root`` is a converted copy."""
    version: str = "v3.0"
    """LeRobot version of the folder that was given."""

    @property
    def fps(self) -> float:
        """Frames a second that the dataset claims [Hz]."""
        return float(self.info["fps"])

    @property
    def features(self) -> Mapping[str, Mapping[str, Any]]:
        """Column -> dtype, shape and names, as declared."""
        return self.info["features"]

    @property
    def cameras(self) -> list[str]:
        """Columns that hold images."""
        return [name for name, feature in self.features.items() if feature.get("dtype") in IMAGE_DTYPES]

    @cached_property
    def vectors(self) -> dict[str, NDArray[np.float64]]:
        """Columns of real numbers (N, n), such as states and actions."""
        return {
            name: np.asarray(values, np.float64).reshape(len(values), -1)
            for name, values in self.frames.items()
            if np.issubdtype(values.dtype, np.floating) and name != "timestamp"
        }

    @cached_property
    def slices(self) -> dict[int, slice]:
        """Episode index -> its run of rows, by the data's own ``episode_index``."""
        index = self.frames.get("episode_index", np.zeros(0, np.int64)).reshape(-1)
        if not len(index):
            return {}
        starts = np.flatnonzero(np.r_[True, np.diff(index) != 0])
        ends = np.r_[starts[1:], len(index)]
        return {int(index[start]): slice(int(start), int(end)) for start, end in zip(starts, ends, strict=True)}

    @cached_property
    def episode_rows(self) -> dict[int, int]:
        """Episode index -> its row in ``episodes``."""
        listed = self.episodes.get("episode_index", [])
        return {int(index): row for row, index in enumerate(listed) if index is not None}

    def dimension_names(self, column: str) -> list[str]:
        """Return a name for each number of a vector column."""
        width = self.vectors[column].shape[1]
        names = self.features.get(column, {}).get("names")
        if isinstance(names, dict):
            names = next((value for value in names.values() if isinstance(value, list)), None)
        if isinstance(names, list) and len(names) == width:
            return [str(name) for name in names]
        return [str(index) for index in range(width)]

    def video_path(self, camera: str, row: int) -> Path | None:
        """Return the file that holds a camera's frames of the episode in ``row`` of ``episodes``; None if unknown."""
        template = self.info.get("video_path")
        chunk = self.episodes.get(f"videos/{camera}/chunk_index")
        file = self.episodes.get(f"videos/{camera}/file_index")
        if not template or chunk is None or file is None or chunk[row] is None or file[row] is None:
            return None
        return self.root / template.format(video_key=camera, chunk_index=int(chunk[row]), file_index=int(file[row]))


def locate(dataset: str) -> Path:
    """Return the folder of a dataset given by path or by hub id; a hub dataset is looked up locally, then downloaded.

    Raises:
        DatasetError: there is no such folder, and the hub does not give it.
    """
    path = Path(dataset).expanduser()
    if path.exists():
        return path
    parts = dataset.split("/")
    if len(parts) != 2 or dataset.startswith((".", "/", "~")):
        raise DatasetError(f"{dataset!r} is neither a folder nor a hub id like 'user/name'; {EXPECTED}")
    from huggingface_hub import snapshot_download
    from lerobot.utils.constants import HF_LEROBOT_HOME

    if (HF_LEROBOT_HOME / dataset / "meta" / "info.json").exists():
        return HF_LEROBOT_HOME / dataset
    try:
        return Path(snapshot_download(dataset, repo_type="dataset"))
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DatasetError(f"{dataset!r} is not a folder here, and the hub did not give it: {reason}") from error


def read_folder(root: Path, cache: Path | None = None) -> DatasetFolder:
    """Read a dataset folder; one of version 2.1 through a converted copy.

    Args:
        root: dataset folder.
        cache: where converted copies live; None for the user's cache.

    Raises:
        DatasetError: it is not a dataset, or one of another version; the message says what was expected.
    """
    if not root.is_dir():
        raise DatasetError(f"{root} is not a folder; {EXPECTED}")
    source, version = root, _version(root)
    if version.startswith("v2"):
        root = current_folder(root, cache)
    info = _read_info(root)
    problems: list[str] = []
    stats = None
    try:
        stats = json.loads((root / "meta/stats.json").read_text())
    except (OSError, ValueError) as error:
        problems.append(f"meta/stats.json: {_reason(error)}")
    tasks = _read_tasks(root, problems)
    episodes = _read_episodes(root, problems)
    frames = _read_frames(root, info, problems)
    return DatasetFolder(root, info, stats, tasks, episodes, frames, tuple(problems), source, version)


def _version(root: Path) -> str:
    path = root / "meta/info.json"
    if not path.is_file():
        found = ", ".join(sorted(item.name for item in root.iterdir())[:8]) or "nothing"
        raise DatasetError(f"{root} has no meta/info.json; {EXPECTED}. Found: {found}")
    return str(read_info(root).get("codebase_version", "none"))


def _read_info(root: Path) -> dict[str, Any]:
    path, info = root / "meta/info.json", read_info(root)
    version = str(info.get("codebase_version", "none"))
    if not version.startswith("v3"):
        raise DatasetError(f"{path} says codebase_version {version!r}; v3.0 and v2.1 are read")
    missing = [key for key in ("fps", "features") if not info.get(key)]
    if missing:
        raise DatasetError(f"{path} lacks {', '.join(missing)}")
    return info


def _read_tasks(root: Path, problems: list[str]) -> dict[int, str]:
    table = _read_table(root, root / "meta/tasks.parquet", None, problems)
    if table is None:
        return {}
    columns = table.to_pydict()
    texts = next((values for name, values in columns.items() if name != "task_index"), [])
    indices = columns.get("task_index", range(len(texts)))
    return {int(index): str(text) for index, text in zip(indices, texts, strict=False)}


def _read_episodes(root: Path, problems: list[str]) -> dict[str, list[Any]]:
    paths = sorted((root / "meta/episodes").rglob("*.parquet"))
    if not paths:
        problems.append("meta/episodes: no parquet file")
    merged: dict[str, list[Any]] = {}
    for path in paths:
        table = _read_table(root, path, lambda name: not name.startswith("stats/"), problems)
        if table is None:
            continue
        known = len(next(iter(merged.values()), []))
        columns = table.to_pydict()
        for name in {*merged, *columns}:
            merged.setdefault(name, [None] * known).extend(columns.get(name, [None] * table.num_rows))
    return merged


def _read_frames(root: Path, info: Mapping[str, Any], problems: list[str]) -> dict[str, NDArray]:
    images = {name for name, feature in info["features"].items() if feature.get("dtype") in IMAGE_DTYPES}
    paths = sorted((root / "data").rglob("*.parquet"))
    if not paths:
        problems.append("data: no parquet file")
    pieces: dict[str, list[NDArray]] = {}
    for path in paths:
        table = _read_table(root, path, lambda name: name not in images, problems)
        if table is None:
            continue
        for name in table.column_names:
            try:
                pieces.setdefault(name, []).append(_to_array(table.column(name)))
            except ValueError as error:
                problems.append(f"{path.relative_to(root)}: column {name!r}: {error}")
    frames: dict[str, NDArray] = {}
    rows = max((sum(map(len, arrays)) for arrays in pieces.values()), default=0)
    for name, arrays in pieces.items():
        if len({array.shape[1:] for array in arrays}) > 1 or sum(map(len, arrays)) != rows:
            problems.append(f"column {name!r} differs in shape, or is missing, between data files")
        else:
            frames[name] = np.concatenate(arrays)
    problems += [f"column {name!r} of the features is in no data file" for name in info["features"]
                 if rows and name not in frames and name not in images and name not in pieces]  # fmt: skip
    problems += [f"column {name!r} of the data is not among the features" for name in pieces
                 if name not in info["features"]]  # fmt: skip
    return frames


def _to_array(column: Any) -> NDArray:
    """Return a parquet column as (N,) or (N, n); text columns become object arrays."""
    import pyarrow as pa

    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], column.type)
    width: list[int] = []
    rows = len(array)
    while pa.types.is_list(array.type) or pa.types.is_fixed_size_list(array.type) or pa.types.is_large_list(array.type):
        if array.null_count:
            raise ValueError(f"{array.null_count} rows are empty")
        outer, array = len(array), array.flatten()
        if outer and len(array) % outer:
            raise ValueError("rows differ in length")
        width.append(len(array) // outer if outer else 0)
    return np.asarray(array.to_numpy(zero_copy_only=False)).reshape(rows, *width)


def _read_table(root: Path, path: Path, keep: Any, problems: list[str]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        columns = None if keep is None else [name for name in file.schema_arrow.names if keep(name)]
        return file.read(columns=columns)
    except (OSError, pa.ArrowException) as error:
        problems.append(f"{path.relative_to(root)}: {_reason(error)}")
        return None


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "missing"
    return str(error).strip().splitlines()[0]
