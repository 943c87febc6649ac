"""What is reported about whole datasets written by lerobot itself; for damaged ones see ``test_damage``."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.helpers.pages import read_page
from tests.vla.data.inspection.datasets import JOINTS, LENGTHS, edit_json, findings, inspect, rewrite
from vla.cli.inspect import sparkline
from vla.cli.main import main
from vla.data.inspection import draw_contact_sheet, inspect_folder, locate, read_folder
from vla.errors import DatasetError

REAL = Path(__file__).parents[5] / "shared/data/so101_real"
needs_real = pytest.mark.skipif(not REAL.exists(), reason=f"{REAL} is not on this machine")


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
    [("v2.1", "lacks meta/tasks.jsonl"), ("v9.0", "v3.0 and v2.1 are read"), (None, "v3.0")],
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
    page = tmp_path / "out" / "made.html"
    assert main(["inspect", f"dataset={made}", f"output={page}"]) == 0
    printed = capsys.readouterr().out
    for text in ("3 episodes", "120 frames", "wave", "observation.state", "nothing suspicious", "contact sheet"):
        assert text in printed
    assert cv2.imread(str(page.with_suffix(".png"))) is not None
    values = json.loads(page.with_suffix(".json").read_text())
    assert values["frames"] == 120
    assert values["language"]["words"] == [["wave", 2], ["rest", 1]]
    assert {outlier["kind"] for outlier in values["outliers"]} == {"frozen"}


def test_the_command_refuses_what_is_not_a_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["inspect", str(tmp_path)]) != 0
    assert "meta/info.json" in capsys.readouterr().err
    assert main(["inspect", str(tmp_path), "output=sheet.txt"]) != 0
    assert ".html" in capsys.readouterr().err


def test_sparkline():
    assert sparkline((0, 4, 8)) == " ▄█"
    assert sparkline((0, 0)) == "  "


@needs_real
def test_real_data_without_its_videos(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    page = tmp_path / "real.html"
    assert main(["inspect", f"dataset={REAL}", f"output={page}"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "4 episodes, 1492 frames, 30 fps" in printed
    assert "video files are missing" in printed
    assert page.with_suffix(".png").exists()
    report = json.loads(page.with_suffix(".json").read_text())
    assert [finding["severity"] for finding in report["findings"]] == ["error", "error"]
    assert report["tasks"] == [{"text": "Pick the orange cube and place it in the box", "frames": 1492, "episodes": 4}]
    shown = read_page(page.read_text())
    assert "It cannot be trained on as it is" in shown.text and "no frames; the state over time" in shown.text
    assert len([svg for svg in shown.all("svg") if svg.get("class") == "traces"]) >= 4
    assert main(["train", f"dataset={REAL}", f"output={tmp_path / 'run'}", "steps=2", "device=cpu"]) == 2
    error = capsys.readouterr().err
    assert "lacks 2 of its 3 files: videos/observation.images.front/chunk-000/file-000.mp4" in error
    assert "vla inspect" in error and not (tmp_path / "run").exists()
