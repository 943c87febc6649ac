"""Folders of LeRobot v2.1 are read through a copy, and stay as they are."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.vla.data.inspection.datasets import edit_json
from tests.vla.data.legacy import CAMERA, LENGTHS, TASKS, frame_value, write_legacy
from vla.data.inspection import inspect_folder, read_folder
from vla.data.inspection.videos import read_frames
from vla.data.upgrade import current_folder
from vla.errors import DatasetError


@pytest.fixture(scope="module", params=[True, False], ids=["video", "images"])
def legacy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_legacy(tmp_path_factory.mktemp("legacy") / "drawer", video=request.param)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_a_copy_holds_the_same_and_the_dataset_stays_as_it_is(legacy: Path, tmp_path: Path) -> None:
    before = contents(legacy)
    folder = read_folder(legacy, tmp_path)
    assert contents(legacy) == before
    assert [rows.stop - rows.start for rows in folder.slices.values()] == list(LENGTHS)
    assert list(folder.tasks.values()) == list(TASKS)
    report = inspect_folder(folder)
    assert (report.root, report.version, report.fps) == (str(legacy), "v2.1", 10)
    assert [finding.text for finding in report.findings if finding.severity == "error"] == []
    action = next(feature for feature in report.features if feature.name == "action")
    assert [dimension.name for dimension in action.dimensions] == ["lift", "grip"] == list(action.names)
    for row, length in enumerate(LENGTHS):
        for index, frame in enumerate(read_frames(folder, CAMERA, row, range(length))):
            assert frame is not None
            assert abs(float(frame.mean()) - frame_value(row, index)) < 1.5, (row, index)


def test_a_copy_is_made_once_and_again_when_the_dataset_changes(tmp_path: Path) -> None:
    root, cache = write_legacy(tmp_path / "drawer", video=False), tmp_path / "cache"
    first = current_folder(root, cache)
    stamp = (first / "meta/info.json").stat().st_mtime_ns
    assert current_folder(root, cache) == first
    assert (first / "meta/info.json").stat().st_mtime_ns == stamp
    tasks = root / "meta/tasks.jsonl"
    tasks.write_text(tasks.read_text().replace("drawer", "door"))
    second = current_folder(root, cache)
    assert second != first
    assert "open the door" in read_folder(root, cache).tasks.values()
    assert sorted(cache.iterdir()) == sorted([first, second])


def test_a_current_dataset_is_used_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/info.json").write_text('{"codebase_version": "v3.0"}')
    assert current_folder(tmp_path, tmp_path / "cache") == tmp_path
    assert not (tmp_path / "cache").exists()


def test_a_camera_without_all_of_its_videos_has_none(tmp_path: Path) -> None:
    root = write_legacy(tmp_path / "drawer", video=True)
    (root / f"videos/chunk-000/{CAMERA}/episode_000001.mp4").unlink()
    folder = read_folder(root, tmp_path / "cache")
    assert list(read_frames(folder, CAMERA, 0, [0, 3])) == [None, None]
    errors = [finding.text for finding in inspect_folder(folder).findings if finding.severity == "error"]
    assert errors == [f"{CAMERA}: meta/episodes does not say which video holds 3 of 3 episodes"]
    assert np.isfinite(folder.vectors["action"]).all()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("meta/tasks.jsonl", "lacks meta/tasks.jsonl"),
        ("meta/episodes_stats.jsonl", "lacks meta/episodes_stats.jsonl"),
        ("data", r"lacks data/\*/\*.parquet"),
    ],
)
def test_what_cannot_be_converted_is_refused_and_leaves_nothing(tmp_path: Path, name: str, expected: str) -> None:
    root = write_legacy(tmp_path / "drawer", video=False)
    path = root / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(DatasetError, match=expected):
        current_folder(root, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_failed_conversion_leaves_nothing(tmp_path: Path) -> None:
    root = write_legacy(tmp_path / "drawer", video=False)
    episodes = root / "meta/episodes.jsonl"
    episodes.write_text("".join(episodes.read_text().splitlines(keepends=True)[:2]))
    with pytest.raises(DatasetError, match=r"cannot be converted from v2\.1 to v3\.0"):
        current_folder(root, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_older_versions_are_refused(tmp_path: Path) -> None:
    root = write_legacy(tmp_path / "drawer", video=False)
    edit_json(root / "meta/info.json", lambda info: info.update(codebase_version="v2.0"))
    with pytest.raises(DatasetError, match=r"version 'v2.0'.*convert older ones to v2.1"):
        read_folder(root, tmp_path / "cache")
