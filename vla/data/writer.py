"""Join episode shards into a LeRobotDataset v3 folder.

The layout is lerobot's own, so that its tools open, edit and show the dataset. Two things are added where the format
has room for them: the frame column ``subgoal_index``, and the columns of ``EpisodeInfo`` in ``meta/episodes``
(``dataset.meta.episodes[i]["instruction"]``). lerobot's episode-deleting tool drops the latter, its merge keeps them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vla.data import video
from vla.data.episodes import Episode, EpisodeInfo, EpisodeShard, load_shard, save_shard
from vla.data.features import ACTION, GOAL, STATE, SUBGOAL_INDEX, camera_name, dataset_features, image_key
from vla.data.tables import episode_table
from vla.errors import DatasetError

if TYPE_CHECKING:
    from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata

MAX_FILE_FRAMES = 500_000
"""A data file is closed at this many frames even when its videos are still small."""


def assemble(
    shards: Sequence[Path],
    output: Path,
    *,
    joint_names: Sequence[str],
    fps: int,
    robot_type: str,
    progress: Callable[[int], None] = lambda episodes: None,
) -> None:
    """Write the dataset ``output`` from episode shards, in the order given. ``output`` appears once it is complete.

    Args:
        shards: files that ``save_shard`` wrote. Their order alone decides the order of the episodes.
        output: folder to create.
        joint_names: one name a joint, gripper last.
        fps: control rate [Hz].
        robot_type: lerobot's name of the robot, e.g. ``so101_follower``.
        progress: called with the number of episodes written so far.

    Raises:
        DatasetError: ``output`` exists, there is no shard, or a shard does not fit the first one.
    """
    if output.exists():
        raise DatasetError(f"{output} exists; choose another output or remove it")
    if not shards:
        raise DatasetError(f"no episodes to write to {output}")
    temporary = output.with_name(f".{output.name}.assembling")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.parent.mkdir(parents=True, exist_ok=True)
    first = load_shard(shards[0])
    writer = _DatasetFolder(temporary, f"local/{output.name}", _features(first, joint_names), fps, robot_type)
    for count, path in enumerate(shards, start=1):
        writer.add(first if count == 1 else load_shard(path), path)
        progress(count)
    writer.close()
    temporary.replace(output)


def write_dataset(
    episodes: Iterable[Episode], output: Path, *, joint_names: Sequence[str], fps: int, robot_type: str
) -> None:
    """Write episodes held in memory as a dataset; see ``assemble``."""
    folder = output.with_name(f".{output.name}.episodes")
    shutil.rmtree(folder, ignore_errors=True)
    paths = []
    for index, episode in enumerate(episodes):
        paths.append(folder / f"{index:06d}.npz")
        save_shard(paths[-1], episode, fps)
    assemble(paths, output, joint_names=joint_names, fps=fps, robot_type=robot_type)
    shutil.rmtree(folder)


def episode_infos(meta: LeRobotDatasetMetadata) -> list[EpisodeInfo]:
    """Return what ``assemble`` stored of each episode.

    Raises:
        DatasetError: the dataset has no such columns: it was recorded elsewhere, or episodes were deleted with lerobot.
    """
    names = [field.name for field in fields(EpisodeInfo)]
    table = episode_table(meta)
    if missing := set(names) - set(table[0]):
        raise DatasetError(f"{meta.root} has no episode columns {', '.join(sorted(missing))}")
    return [EpisodeInfo(**{name: row[name] for name in names}) for row in table]


def _features(shard: EpisodeShard, joint_names: Sequence[str]) -> dict[str, dict[str, Any]]:
    if len(joint_names) != shard.state.shape[1]:
        raise DatasetError(f"{len(joint_names)} joint names for a state of {shard.state.shape[1]} numbers")
    features = dataset_features(joint_names, tuple(shard.videos), (1, 1))
    for camera, data in shard.videos.items():
        features[image_key(camera)]["shape"] = video.frame_shape(data)
    return features


class _DatasetFolder:
    """A dataset under construction: consecutive episodes share one data file and one video file a camera."""

    def __init__(self, root: Path, repo_id: str, features: Mapping[str, Any], fps: int, robot_type: str) -> None:
        from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata

        self.meta = LeRobotDatasetMetadata.create(
            repo_id, fps, dict(features), robot_type=robot_type, root=root, metadata_buffer_size=200
        )
        self.cameras = [camera_name(key) for key in self.meta.video_keys]
        self.chunk, self.file = 0, 0
        self._start_file()

    def _start_file(self) -> None:
        self.videos: dict[str, list[bytes]] = {camera: [] for camera in self.cameras}
        self.tables: list[Any] = []
        self.file_frames = 0

    def add(self, shard: EpisodeShard, path: Path) -> None:
        from lerobot.datasets.compute_stats import compute_episode_stats

        if list(shard.videos) != self.cameras:
            raise DatasetError(f"{path} has cameras {list(shard.videos)}, the episodes before it {self.cameras}")
        index, start, fps = self.meta.total_episodes, self.meta.total_frames, self.meta.fps
        tasks = list(dict.fromkeys(shard.subgoals))
        self.meta.save_episode_tasks(tasks)
        frames = np.arange(len(shard))
        columns = {
            STATE: shard.state,
            GOAL: shard.goal,
            ACTION: shard.action,
            SUBGOAL_INDEX: shard.subgoal_index,
            "timestamp": (frames / fps).astype(np.float32),
            "frame_index": frames,
            "episode_index": np.full(len(shard), index),
            "index": start + frames,
            "task_index": np.array([self.meta.get_task_index(text) for text in shard.subgoals]),
        }
        stats = compute_episode_stats(columns, {key: self.meta.features[key] for key in columns})
        stats |= {image_key(camera): dict(value) for camera, value in shard.image_stats.items()}
        metadata: dict[str, Any] = {
            "data/chunk_index": self.chunk,
            "data/file_index": self.file,
            "dataset_from_index": start,
            "dataset_to_index": start + len(shard),
        }
        for camera in self.cameras:
            metadata |= {
                f"videos/{image_key(camera)}/chunk_index": self.chunk,
                f"videos/{image_key(camera)}/file_index": self.file,
                f"videos/{image_key(camera)}/from_timestamp": self.file_frames / fps,
                f"videos/{image_key(camera)}/to_timestamp": (self.file_frames + len(shard)) / fps,
            }
        self.meta.save_episode(index, len(shard), tasks, stats, metadata | asdict(shard.info))
        self.tables.append(self._table(columns))
        for camera, data in shard.videos.items():
            self.videos[camera].append(data)
        self.file_frames += len(shard)
        limit = self.meta.video_files_size_in_mb * 2**20
        if self.file_frames >= MAX_FILE_FRAMES or any(sum(map(len, data)) >= limit for data in self.videos.values()):
            self._finish_file()

    def close(self) -> None:
        from lerobot.datasets.io_utils import write_info

        if self.tables:
            self._finish_file()
        for camera in self.cameras:
            self.meta.update_video_info(image_key(camera), video_encoder=video.encoder_config())
        write_info(self.meta.info, self.meta.root)
        self.meta.finalize()

    def _table(self, columns: Mapping[str, Any]) -> Any:
        import datasets
        from lerobot.datasets.feature_utils import get_hf_features_from_features

        features = get_hf_features_from_features(self.meta.features)
        table = datasets.Dataset.from_dict({key: columns[key] for key in features}, features=features)
        return table.with_format("arrow")[:]

    def _finish_file(self) -> None:
        import pyarrow as pa
        from lerobot.datasets.io_utils import write_table_one_row_group_per_episode
        from lerobot.datasets.utils import update_chunk_file_indices

        path = self.meta.root / self.meta.data_path.format(chunk_index=self.chunk, file_index=self.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_table_one_row_group_per_episode(pa.concat_tables(self.tables), path)
        for camera, videos in self.videos.items():
            path = self.meta.root / str(self.meta.video_path).format(
                video_key=image_key(camera), chunk_index=self.chunk, file_index=self.file
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            video.join_videos(videos, path, self.meta.fps)
        self.chunk, self.file = update_chunk_file_indices(self.chunk, self.file, self.meta.chunks_size)
        self._start_file()
