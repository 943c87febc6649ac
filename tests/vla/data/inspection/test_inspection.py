"""What is reported about datasets written by lerobot itself, whole and damaged in known ways."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vla.cli.inspect import sparkline
from vla.cli.main import main
from vla.data.inspection import Report, draw_contact_sheet, inspect_folder, locate, read_folder
from vla.errors import DatasetError

REAL = Path(__file__).parents[5] / "shared/data/so101_real"
needs_real = pytest.mark.skipif(not REAL.exists(), reason=f"{REAL} is not on this machine")
LENGTHS = (40, 45, 35)
JOINTS = ["pan.pos", "lift.pos", "gripper.pos"]


def write(root: Path, *, video: bool) -> Path:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    vector = {"dtype": "float32", "shape": (3,), "names": JOINTS}
    features = {
        "observation.images.front": {
            "dtype": "video" if video else "image",
            "shape": (64, 96, 3),
            "names": ["height", "width", "channels"],
        },
        "observation.state": vector,
        "action": dict(vector),
    }
    dataset = LeRobotDataset.create("local/made", 30, features, root=root, robot_type="arm", use_videos=video)
    rng = np.random.default_rng(0)
    for episode, length in enumerate(LENGTHS):
        phase = np.linspace(0, 6, length)[:, None] + rng.uniform(0, 6, 3)
        for frame in range(length):
            dataset.add_frame(
                {
                    "observation.images.front": np.full((64, 96, 3), 40 * (episode + 1), np.uint8),
                    "observation.state": np.sin(phase[frame]).astype(np.float32),
                    "action": np.sin(phase[frame] + 0.1).astype(np.float32),
                    "task": "wave" if episode < 2 else "rest",
                }
            )
        dataset.save_episode()
    dataset.finalize()
    return root


@pytest.fixture(scope="module")
def made_with_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("images") / "made", video=False)


@pytest.fixture(scope="module")
def made_with_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("video") / "made", video=True)


@pytest.fixture
def made(made_with_images: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_with_images, tmp_path / "made"))


def inspect(root: Path) -> Report:
    return inspect_folder(read_folder(root))


def findings(root: Path) -> list[str]:
    return [f"{finding.severity}: {finding.text}" for finding in inspect(root).findings]


def rewrite(root: Path, name: str, change: Callable[[dict], None]) -> None:
    """Change the columns of the dataset's only parquet file under ``name``."""
    path = next((root / name).rglob("*.parquet"))
    table = pq.read_table(path)
    columns = table.to_pydict()
    change(columns)
    types = {field.name: field.type for field in table.schema}
    pq.write_table(pa.table({key: pa.array(values, types.get(key)) for key, values in columns.items()}), path)


def edit_json(path: Path, change: Callable[[dict], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_sound_dataset_has_no_findings(made: Path):
    report = inspect(made)
    assert report.findings == ()
    assert (report.version, report.robot, report.fps) == ("v3.0", "arm", 30)
    assert (report.episodes, report.frames) == (3, sum(LENGTHS))
    assert report.seconds == pytest.approx(sum(LENGTHS) / 30)
    assert report.bytes_on_disk == sum(path.stat().st_size for path in made.rglob("*") if path.is_file())
    assert [(task.text, task.frames, task.episodes) for task in report.tasks] == [("wave", 85, 2), ("rest", 35, 1)]
    assert report.lengths is not None
    assert (report.lengths.min, report.lengths.max) == (35 / 30, 45 / 30)
    assert sum(report.lengths.histogram) == 3


def test_statistics_are_those_of_the_data(made: Path):
    folder = read_folder(made)
    action = next(feature for feature in inspect_folder(folder).features if feature.name == "action")
    assert action.names == tuple(JOINTS)
    assert action.shape == (3,)
    values = folder.frames["action"].astype(np.float64)
    assert [dimension.mean for dimension in action.dimensions] == pytest.approx(values.mean(0).tolist())
    assert [dimension.q99 for dimension in action.dimensions] == pytest.approx(
        np.quantile(values, 0.99, axis=0).tolist()
    )


def test_video_frames_come_from_the_right_episode(made_with_video: Path, tmp_path: Path):
    from vla.data.inspection.videos import read_frame

    folder = read_folder(made_with_video)
    assert inspect_folder(folder).findings == ()
    for row in range(3):
        for time in (0.0, 0.5, (LENGTHS[row] - 1) / 30):
            frame = read_frame(folder, "observation.images.front", row, time)
            assert frame is not None
            assert frame.shape == (64, 96, 3)
            assert abs(float(frame.mean()) - 40 * (row + 1)) < 4
    assert draw_contact_sheet(folder, tmp_path / "sheet.png") == "frames"


def test_a_missing_video_is_an_error_and_curves_are_drawn(made_with_video: Path, tmp_path: Path):
    root = Path(shutil.copytree(made_with_video, tmp_path / "made"))
    shutil.rmtree(root / "videos")
    (error,) = findings(root)
    assert error.startswith("error: observation.images.front: 1 of 1 video files are missing")
    assert "3 of 3 episodes" in error
    assert draw_contact_sheet(read_folder(root), tmp_path / "sheet.png") == "curves"
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None


def test_a_damaged_video_is_named(made_with_video: Path, tmp_path: Path):
    root = Path(shutil.copytree(made_with_video, tmp_path / "made"))
    next(root.rglob("*.mp4")).write_bytes(b"not a video")
    assert any("file-000.mp4 cannot be read" in text for text in findings(root))


def test_images_in_parquet_are_drawn(made: Path, tmp_path: Path):
    assert draw_contact_sheet(read_folder(made), tmp_path / "new" / "sheet.png") == "frames"
    sheet = cv2.imread(str(tmp_path / "new" / "sheet.png"))
    assert sheet is not None
    for value in (40, 80, 120):
        assert (sheet == value).all(axis=2).mean() > 0.1


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


def test_our_episode_metadata_is_summarised(made: Path):
    def annotate(columns: dict) -> None:
        columns["instruction"] = ["wave!", "wave!", "rest!"]
        columns["seed"] = [3, 1, 2]

    rewrite(made, "meta/episodes", annotate)
    instruction, seed = inspect(made).metadata
    assert (instruction.name, instruction.distinct, instruction.examples) == ("instruction", 2, ("wave!", "rest!"))
    assert (seed.name, seed.span) == ("seed", (1.0, 3.0))


def test_the_report_is_plain_data(made: Path):
    assert json.loads(json.dumps(asdict(inspect(made))))["episodes"] == 3


@pytest.mark.parametrize(
    ("version", "expected"),
    [("v2.1", "convert_dataset_v21_to_v30"), ("v9.0", "v3.0"), (None, "v3.0")],
)
def test_other_versions_are_refused(made: Path, version: str | None, expected: str):
    edit_json(made / "meta/info.json", lambda info: info.update(codebase_version=version))
    with pytest.raises(DatasetError, match=expected):
        read_folder(made)


def test_what_is_not_a_dataset_is_refused(tmp_path: Path):
    (tmp_path / "readme.txt").write_text("hello")
    with pytest.raises(DatasetError, match=r"meta/info.json.*Found: readme.txt"):
        read_folder(tmp_path)
    with pytest.raises(DatasetError, match="not a folder"):
        read_folder(tmp_path / "readme.txt")
    with pytest.raises(DatasetError, match="neither a folder nor a hub id"):
        locate("nowhere")
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/info.json").write_text("{")
    with pytest.raises(DatasetError, match="not JSON"):
        read_folder(tmp_path)
    (tmp_path / "meta/info.json").write_text('{"codebase_version": "v3.0", "fps": 30}')
    with pytest.raises(DatasetError, match="lacks features"):
        read_folder(tmp_path)


def test_the_command_prints_and_writes(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    sheet = tmp_path / "out" / "sheet.png"
    assert main(["inspect", f"dataset={made}", f"output={sheet}"]) == 0
    printed = capsys.readouterr().out
    for text in ("3 episodes", "120 frames", "wave", "observation.state", "nothing suspicious", "contact sheet"):
        assert text in printed
    assert cv2.imread(str(sheet)) is not None
    assert json.loads(sheet.with_suffix(".json").read_text())["frames"] == 120


def test_the_command_refuses_what_is_not_a_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["inspect", str(tmp_path)]) != 0
    assert "meta/info.json" in capsys.readouterr().err
    assert main(["inspect", str(tmp_path), "output=sheet.txt"]) != 0
    assert ".png" in capsys.readouterr().err


def test_sparkline():
    assert sparkline((0, 4, 8)) == " ▄█"
    assert sparkline((0, 0)) == "  "


@needs_real
def test_real_data_without_its_videos(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    sheet = tmp_path / "real.png"
    assert main(["inspect", f"dataset={REAL}", f"output={sheet}"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "4 episodes, 1492 frames, 30 fps" in printed
    assert "video files are missing" in printed
    assert sheet.exists()
    report = json.loads(sheet.with_suffix(".json").read_text())
    assert [finding["severity"] for finding in report["findings"]] == ["error", "error"]
    assert report["tasks"] == [{"text": "Pick the orange cube and place it in the box", "frames": 1492, "episodes": 4}]
