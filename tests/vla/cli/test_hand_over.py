"""Our options in lerobot's words, read by lerobot's own parsers."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import draccus
import pytest
from lerobot.robots.so_follower import SO101FollowerConfig
from lerobot.teleoperators.so_leader import SO101LeaderConfig

from vla.cli.main import main

CAMERAS = "robot.cameras={front: {type: opencv, index_or_path: 2, width: 640, height: 480, fps: 30}}"
ARMS = ["robot.port=/dev/a b", "leader.port=/dev/l", "leader.calibration_dir=/cal", CAMERAS]


def translated(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    rest = arguments[len(own) :]
    assert main([*own, "dry_run=true", *rest]) == 0
    return shlex.split(capsys.readouterr().out)


def parsed(module: str, config: str, arguments: list[str]) -> Any:
    kind = getattr(__import__(f"lerobot.scripts.{module}", fromlist=[config]), config)
    return draccus.parse(kind, args=arguments)


def test_calibration_of_either_arm(capsys: pytest.CaptureFixture[str]) -> None:
    name, *arguments = translated(capsys, "calibrate", "robot.port=/dev/x", "robot.id=blue", CAMERAS)
    config = parsed("lerobot_calibrate", "CalibrateConfig", arguments)
    assert name == "lerobot-calibrate"
    assert isinstance(config.robot, SO101FollowerConfig)
    assert (config.robot.port, config.robot.id) == ("/dev/x", "blue")
    assert config.robot.cameras == {}
    assert config.teleop is None
    _, *arguments = translated(capsys, "calibrate", "arm=leader", "leader.port=/dev/y")
    config = parsed("lerobot_calibrate", "CalibrateConfig", arguments)
    assert config.robot is None
    assert isinstance(config.teleop, SO101LeaderConfig)
    assert config.teleop.id == "so101_leader"


def test_teleoperation(capsys: pytest.CaptureFixture[str]) -> None:
    _, *arguments = translated(capsys, "teleoperate", *ARMS, "--", "--teleop_time_s=3", "--robot.max_relative_target=9")
    config = parsed("lerobot_teleoperate", "TeleoperateConfig", arguments)
    assert config.robot.port == "/dev/a b"
    assert config.robot.cameras["front"].width == 640
    assert config.robot.use_degrees
    assert config.teleop.calibration_dir == Path("/cal")
    assert (config.fps, config.teleop_time_s, config.display_data) == (30, 3, False)
    assert config.robot.max_relative_target == 9


def test_recording(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    output = tmp_path / "cubes"
    given = ["record", "it's", "a cube", f"output={output}", "episodes=3", "episode_seconds=7.5", *ARMS]
    _, *arguments = translated(capsys, *given, "--", "--dataset.vcodec=h264")
    assert arguments.pop() == "--dataset.vcodec=h264"
    config = parsed("lerobot_record", "RecordConfig", arguments)
    dataset = config.dataset
    assert (dataset.repo_id, dataset.root, dataset.single_task) == ("local/cubes", str(output), "it's a cube")
    assert (dataset.num_episodes, dataset.episode_time_s, dataset.fps) == (3, 7.5, 30)
    assert not dataset.push_to_hub
    dataset.stamp_repo_id()
    assert dataset.repo_id == "local/cubes"
    assert not config.resume


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["calibrate"], "robot.port= must be given"),
        (["calibrate", "arm=lader"], "leader"),
        (["calibrate", "robot=so101_sim"], "robot=so101_sim is no real arm"),
        (["teleoperate", "robot.port=/dev/x"], "leader.port= must be given"),
        (["record", "go", "output=tests", *ARMS], "output=tests exists"),
        (["record", "go", "output=nowhere", "resume=true", *ARMS], "holds no dataset"),
        (["record", "go", "output=nowhere", "push_to_hub=true", *ARMS], "repo_id"),
        (["record", "go", "output=nowhere", "episodes=0", *ARMS], "episodes=0"),
        (["record", "output=nowhere", *ARMS], "instruction= must be given"),
        (["eval", "--", "--x=1"], "passes no arguments on"),
    ],
)
def test_what_makes_no_sense_is_said(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_lerobots_script_takes_over(tmp_path: Path) -> None:
    command = ["calibrate", f"robot.port={tmp_path / 'nothing'}", f"robot.calibration_dir={tmp_path}"]
    done = subprocess.run(
        [sys.executable, "-m", "vla.cli.main", *command], capture_output=True, text=True, cwd=Path(__file__).parents[3]
    )
    assert done.returncode == 1
    assert "lerobot" in done.stderr
    assert "nothing" in done.stderr
