"""Everything that can be wrong with a dataset is found and named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.vla.data.inspection.datasets import edit_json, findings, rewrite
from vla.data.inspection import draw_contact_sheet, read_folder


def set_nan(columns: dict) -> None:
    columns["action"][50] = [float("nan"), 0.0, 0.0]


def freeze_joint(columns: dict) -> None:
    columns["observation.state"] = [[1.0, *row[1:]] for row in columns["observation.state"]]


def copy_state(columns: dict) -> None:
    columns["action"] = columns["observation.state"]


def shift_state(columns: dict) -> None:
    columns["action"] = columns["observation.state"][1:] + columns["observation.state"][-1:]


def jump(columns: dict) -> None:
    columns["action"][47] = [columns["action"][47][0] + 1.9, *columns["action"][47][1:]]


def slow_clock(columns: dict) -> None:
    rows = zip(columns["timestamp"], columns["episode_index"], strict=True)
    columns["timestamp"] = [1.5 * time if episode == 1 else time for time, episode in rows]


def skip_index(columns: dict) -> None:
    columns["index"] = [index + (index > 60) for index in columns["index"]]


def skip_frame(columns: dict) -> None:
    columns["frame_index"][-1] += 1


def renumber_last(columns: dict) -> None:
    columns["episode_index"] = [3 if index == 2 else index for index in columns["episode_index"]]


def keep_20_of_last(columns: dict) -> None:
    for name in columns:
        columns[name] = columns[name][: 85 + 20]


def hold_still(columns: dict) -> None:
    columns["observation.state"][85:] = [columns["observation.state"][85]] * 35


def unknown_task(columns: dict) -> None:
    columns["task_index"][0] = 7


def no_rest(columns: dict) -> None:
    columns["task_index"] = [0] * len(columns["task_index"])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (set_nan, "error: action is NaN or infinite in 1 frames (episodes 1)"),
        (freeze_joint, "warning: observation.state never changes in pan.pos"),
        (copy_state, "warning: actions equal the states"),
        (shift_state, "note: actions are the states of the next frame"),
        (jump, "in episode 1 at frame 7"),
        (slow_clock, "error: time stamps are off the 30 fps of the dataset in episodes 1; they run at 20 fps"),
        (skip_index, "error: column 'index' does not run from 0"),
        (skip_frame, "error: frame_index does not count from 0 in episodes 2"),
        (renumber_last, "warning: episode indices do not run from 0 to 2: numbers 2 are missing"),
        (renumber_last, "error: episodes 3 are not in meta/episodes"),
        (renumber_last, "error: episodes 2 of meta/episodes have no frames"),
        (keep_20_of_last, "warning: 1 episodes are shorter than 1 s: 2"),
        (keep_20_of_last, "error: meta/info.json says total_frames = 120, the files hold 105"),
        (keep_20_of_last, "error: length of episodes 2 in meta/episodes"),
        (hold_still, "warning: observation.state does not change at all in episodes 2"),
        (unknown_task, "error: task_index 7 has no text"),
        (no_rest, "warning: 1 tasks have no frames: 'rest'"),
        (freeze_joint, "meta/stats.json disagrees with the data: min of observation.state pan.pos"),
    ],
)
def test_damaged_data_is_found(made: Path, change: Callable[[dict], None], expected: str):
    rewrite(made, "data", change)
    found = findings(made)
    assert any(expected in text for text in found), found


def test_copied_episodes_are_found(made: Path):
    def copy(columns: dict) -> None:
        for name in columns:
            columns[name] = columns[name][:85]
        columns["action"][40:80] = columns["action"][:40]

    def shorten(columns: dict) -> None:
        for name in columns:
            columns[name] = columns[name][:80]

    rewrite(made, "data", copy)
    rewrite(made, "data", shorten)
    assert any("very same actions: 1 of 0" in text for text in findings(made))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("meta/stats.json", "meta/stats.json: missing"),
        ("meta/tasks.parquet", "meta/tasks.parquet: missing"),
        ("data/chunk-000/file-000.parquet", "data: no parquet file"),
        ("meta/episodes/chunk-000/file-000.parquet", "meta/episodes: no parquet file"),
    ],
)
def test_a_missing_file_is_reported_and_the_sheet_still_drawn(made: Path, tmp_path: Path, name: str, expected: str):
    (made / name).unlink()
    found = findings(made)
    assert any(expected in text for text in found), found
    draw_contact_sheet(read_folder(made), tmp_path / "sheet.png")


def test_a_truncated_parquet_file_is_reported(made: Path):
    path = made / "data/chunk-000/file-000.parquet"
    path.write_bytes(path.read_bytes()[:100])
    assert any("data/chunk-000/file-000.parquet:" in text for text in findings(made))


def test_wrong_statistics_and_declarations_are_found(made: Path):
    edit_json(made / "meta/stats.json", lambda stats: stats["action"]["mean"].__setitem__(1, 9.0))
    edit_json(made / "meta/stats.json", lambda stats: stats.pop("observation.state"))
    edit_json(made / "meta/info.json", lambda info: info["features"]["action"].update(shape=[4]))
    edit_json(made / "meta/info.json", lambda info: info["features"].update(extra={"dtype": "float32", "shape": [1]}))
    found = findings(made)
    assert any("mean of action lift.pos is" in text and "not 9" in text for text in found), found
    assert any("has no observation.state" in text for text in found)
    assert any("action holds 3 numbers a frame, the features say 4" in text for text in found)
    assert any("'extra'" in text for text in found)
