"""`vla deploy` on the simulated arm, in real time. How well it keeps time is up to the machine, and not asserted."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from lerobot.datasets.lerobot_dataset import LeRobotDataset

from vla.cli.main import main


def deploy(instruction: str, tmp_path: Path, *options: str) -> int:
    common = (f"output={tmp_path / 'run.json'}", f"stop_file={tmp_path / 'STOP'}", "seed=4", "planner=grammar")
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
        (["robot=so101", "robot.cameras={front: {type: periscope}}"], "camera front: Couldn't find a choice class for"),
        (["env.image_size=[96,96]"], "images.front of shape (3, 128, 128); the robot's is (3, 96, 96)"),
        (["safety=none"], "nothing moves without a safety filter"),
        (["max_seconds=0"], "max_seconds=0"),
        (["watchdog=0"], "watchdog=0"),
        (["record=tests"], "record=tests exists"),
        (["blend_ticks=-1"], "blend_ticks=-1"),
        (["rerun=log.txt"], "rerun=log.txt is no target"),
        (["estop_port=70000"], "estop_port=70000"),
        (["estop_port=0", "estop_host=0.0.0.0"], "VLA_ESTOP_TOKEN"),
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
@pytest.mark.realtime
def test_lerobots_driver_carries_it_out_on_the_bus_twin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = deploy("press the button", tmp_path, "robot=so101_bus_twin", "max_seconds=6")
    report = json.loads((tmp_path / "run.json").read_text())
    assert code == (0 if report["success"] else 1)
    assert report["subgoals"][0][0] == "press the button"
    assert report["held"] < report["ticks"]
    assert report["errors"] == []
    assert "robot so101_bus_twin, seed 4" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_is_logged_for_rerun_and_stopped_from_the_page(tmp_path: Path) -> None:
    from rerun.recording import load_recording

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    codes: list[int] = []

    def press() -> None:
        """Press the button once the arm carries the instruction out."""
        page = ""
        for _ in range(600):
            with suppress(OSError):
                page = urlopen(f"http://127.0.0.1:{port}/", timeout=5).read().decode()
                break
            time.sleep(0.1)
        log = tmp_path / ".run.partial.rrd"
        while not log.exists() or log.stat().st_size < 50_000:  # the arm carries the instruction out
            time.sleep(0.1)
        secret = re.search(r'name="page" value="([^"]+)"', page)
        assert secret
        codes.append(urlopen(f"http://127.0.0.1:{port}/stop", f"page={secret[1]}".encode(), timeout=5).status)

    thread = threading.Thread(target=press)
    thread.start()
    assert deploy("press the button", tmp_path, "max_seconds=60", "rerun=true", f"estop_port={port}") in (0, 1)
    thread.join()
    assert codes == [200]
    report = json.loads((tmp_path / "run.json").read_text())
    assert report["success"] or report["reason"] == "emergency stop: page"
    columns = {str(column.entity_path) for column in load_recording(tmp_path / "run.rrd").schema().component_columns()}
    assert {"/state", "/action", "/cameras/front", "/subgoal/text", "/safety"} <= columns
