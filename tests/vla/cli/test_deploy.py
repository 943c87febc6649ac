"""`vla deploy` on the simulated arm, in real time. How well it keeps time is up to the machine, and not asserted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lerobot.datasets.lerobot_dataset import LeRobotDataset

from vla.cli.main import main


def deploy(instruction: str, tmp_path: Path, *options: str) -> int:
    common = (f"output={tmp_path / 'run.json'}", f"stop_file={tmp_path / 'STOP'}", "seed=4")
    return main(["deploy", instruction, *common, *options])


@pytest.mark.slow
def test_an_instruction_moves_the_arm_and_leaves_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = tmp_path / "recording"
    code = deploy("press the button", tmp_path, "max_seconds=6", f"record={recording}")
    text = capsys.readouterr().out
    report = json.loads((tmp_path / "run.json").read_text())
    assert code == (0 if report["success"] else 1)
    assert report["subgoals"][0][0] == "press the button"
    assert report["policy_ms"]["p50"] > 1.0
    assert report["held"] < report["ticks"]
    assert sum(report["lateness"].values()) == report["ticks"]
    assert report["errors"] == []
    assert report["interventions"]["start-up ramp"] > 0
    assert "ticks/s" in text
    assert "safety filter" in text
    dataset = LeRobotDataset("local/recording", root=recording)
    assert 0 < len(dataset) <= report["ticks"]
    first: Any = dataset[0]
    assert first["task"] == "press the button"
    assert first["action"].shape == first["observation.state"].shape == (6,)


@pytest.mark.slow
def test_what_is_not_there_is_refused_without_motion(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_no_scene = deploy("pick up the golden cube", tmp_path)
    assert with_no_scene == 2
    assert "golden" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["robot=panda"], "panda"),
        (["robot=so101"], "robot.port= must be given"),
        (["robot=so101", "robot.port=/dev/nowhere"], "lerobot-calibrate"),
        (["env.image_size=[96,96]"], "images.front of shape (3, 128, 128); the robot's is (3, 96, 96)"),
        (["safety=none"], "nothing moves without a safety filter"),
        (["max_seconds=0"], "max_seconds=0"),
        (["watchdog=0"], "watchdog=0"),
        (["record=tests"], "record=tests exists"),
        (["blend_ticks=-1"], "blend_ticks=-1"),
        (["planner=oracle"], "reads a simulator's state"),
    ],
)
def test_bad_options_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert deploy("press the button", tmp_path, *options) == 2
    assert message in capsys.readouterr().err


def test_a_stop_file_that_is_there_already_prevents_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "STOP").touch()
    assert deploy("press the button", tmp_path) == 2
    assert "remove it first" in capsys.readouterr().err


@pytest.mark.slow
def test_lerobots_driver_carries_it_out_on_the_bus_twin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = deploy("press the button", tmp_path, "robot=so101_bus_twin", "max_seconds=6")
    report = json.loads((tmp_path / "run.json").read_text())
    assert code == (0 if report["success"] else 1)
    assert report["subgoals"][0][0] == "press the button"
    assert report["held"] < report["ticks"]
    assert report["errors"] == []
    assert "robot so101_bus_twin, seed 4" in capsys.readouterr().out
