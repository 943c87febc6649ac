from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from torch.utils.data import default_collate

from vla.data import frame_cache
from vla.data.cached_dataset import CachedDataset
from vla.data.frame_cache import fingerprint, open_frames
from vla.errors import DatasetError

DELTAS = {
    "action": [step / 30 for step in range(8)],
    "observation.state": [-1 / 30, 0.0],
    "observation.images.front": [-2 / 30, 0.0],
}


@pytest.fixture(scope="module")
def dataset(dataset_folder: Path) -> Any:
    return LeRobotDataset("local/walk", root=dataset_folder, delta_timestamps=DELTAS, return_uint8=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("frames")


@pytest.fixture
def cached(dataset: Any, folder: Path) -> CachedDataset:
    return CachedDataset(dataset, open_frames(dataset, folder), DELTAS)


def test_batches_equal_lerobots(dataset: Any, cached: CachedDataset):
    ends = [row["dataset_to_index"] - 1 for row in dataset.meta.episodes]
    starts = [row["dataset_from_index"] for row in dataset.meta.episodes]
    indices = [*starts, *ends, *(end - 5 for end in ends)]
    expected = default_collate([dataset[index] for index in indices])
    found = cached.__getitems__(indices)
    assert expected.keys() == found.keys()
    assert expected.pop("task") == found.pop("task")
    for key, value in expected.items():
        assert value.dtype == found[key].dtype, key
        assert torch.equal(value, found[key]), key
    assert found["action_is_pad"].any() and found["observation.state_is_pad"].any()
    single = cached[indices[1]]
    assert torch.equal(single["action"], expected["action"][1]) and single["task"] == dataset[indices[1]]["task"]


def test_chunks_may_end_with_the_task(dataset: Any, folder: Path):
    cached = CachedDataset(dataset, open_frames(dataset, folder), DELTAS, end_chunks_with_task=True)
    first, change = 0, 7  # episode 0 has 14 frames and two subgoals of 7
    batch = cached.__getitems__([first, change - 3, change])
    assert batch["action_is_pad"].sum(1).tolist() == [1, 5, 1]
    held = batch["action"][1]
    assert torch.equal(held[3:], held[2].expand(5, -1))
    assert not batch["observation.state_is_pad"][2].any()


def test_policies_may_read_the_whole_instruction(dataset: Any, folder: Path):
    cached = CachedDataset(dataset, open_frames(dataset, folder), DELTAS, instructed=True)
    told = [row["instruction"] for row in dataset.meta.episodes]
    rows = [row["dataset_from_index"] for row in dataset.meta.episodes]
    assert cached.__getitems__([*rows, rows[0] + 13])["task"] == [*told, told[0]]
    assert len(set(told)) > 1 and not set(told) & {dataset[row]["task"] for row in rows}


def test_a_dataset_without_instructions_says_what_to_do(dataset: Any, folder: Path, monkeypatch: pytest.MonkeyPatch):
    frames = open_frames(dataset, folder)
    monkeypatch.setattr(dataset.meta, "episodes", dataset.meta.episodes.remove_columns("instruction"))
    with pytest.raises(DatasetError, match=r"no column 'instruction' in meta/episodes; text=subgoal"):
        CachedDataset(dataset, frames, DELTAS, instructed=True)


def test_second_opening_decodes_nothing(dataset: Any, cached: CachedDataset, folder: Path):
    calls: list[tuple[int, int]] = []
    open_frames(dataset, folder, progress=lambda done, total: calls.append((done, total)))
    assert calls == []


def test_interrupted_build_resumes(dataset: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    decoded: list[str] = []
    decode = frame_cache._decode_file

    def failing(limit: int) -> Callable[..., int]:
        def decode_or_fail(path: Path, *rest: object) -> int:
            if len(decoded) == limit:
                raise KeyboardInterrupt
            decoded.append(path.parts[-3])
            return decode(path, *rest)  # type: ignore[arg-type]

        return decode_or_fail

    monkeypatch.setattr(frame_cache, "_decode_file", failing(1))
    with pytest.raises(KeyboardInterrupt):
        open_frames(dataset, tmp_path)
    monkeypatch.setattr(frame_cache, "_decode_file", failing(2))
    frames = open_frames(dataset, tmp_path)
    assert decoded == ["observation.images.front", "observation.images.wrist"]
    assert all(frames[key][np.arange(len(dataset))].any(axis=(1, 2, 3)).all() for key in frames)
    assert not list(tmp_path.rglob("*.partial")) and not list(tmp_path.rglob("*.done"))


def test_fingerprint_follows_the_dataset(dataset_folder: Path, tmp_path: Path):
    shutil.copytree(dataset_folder, tmp_path / "copy")
    assert fingerprint(tmp_path / "copy") == fingerprint(dataset_folder)
    video = next((tmp_path / "copy").glob("videos/**/*.mp4"))
    video.write_bytes(video.read_bytes() + b"\0")
    assert fingerprint(tmp_path / "copy") != fingerprint(dataset_folder)


def test_short_video_is_named(dataset_folder: Path, tmp_path: Path):
    shutil.copytree(dataset_folder, tmp_path / "copy")
    video = next((tmp_path / "copy").glob("videos/*front*/**/*.mp4"))
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    damaged = LeRobotDataset("local/copy", root=tmp_path / "copy")
    with pytest.raises(DatasetError, match=r"file-000\.mp4"):
        open_frames(damaged, tmp_path / "frames")


def test_full_disk_is_said_beforehand(dataset: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(frame_cache.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(DatasetError, match="cache=false"):
        open_frames(dataset, tmp_path)


def test_a_cache_that_memory_cannot_hold_is_warned_of(
    dataset: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    open_frames(dataset, folder)
    assert not caplog.records
    memory = frame_cache.psutil.virtual_memory()
    monkeypatch.setattr(frame_cache.psutil, "virtual_memory", lambda: memory._replace(total=1000))
    open_frames(dataset, folder)
    assert "may not stay in this machine's memory" in caplog.text


def test_frames_are_what_the_videos_hold(dataset: Any, cached: CachedDataset):
    assert cached.frames["observation.images.front"].shape == (len(dataset), 3, 64, 64)
    assert cached.frames["observation.images.front"].dtype == np.uint8
