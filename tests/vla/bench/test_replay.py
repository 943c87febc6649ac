from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from envs.tabletop.units import JOINT_NAMES
from envs.tabletop.world import READY_POSE
from vla.cli.main import main

REAL = Path(__file__).resolve().parents[4] / "shared/data/so101_real"


def record(folder: Path, action: np.ndarray) -> Path:
    """Write the columns of a recording of an arm that follows at once."""
    (folder / "meta").mkdir(parents=True)
    (folder / "data/chunk-000").mkdir(parents=True)
    names = [f"{name}.pos" for name in JOINT_NAMES]
    info = {"fps": 30, "features": {"action": {"names": names}}}
    (folder / "meta/info.json").write_text(json.dumps(info))
    rows = cast(list[list[float]], action.astype(np.float32).tolist())
    table = pa.table({"episode_index": [0] * len(rows), "action": rows, "observation.state": rows})
    pq.write_table(table, folder / "data/chunk-000/file-000.parquet")
    return folder


def replay(folder: Path, tmp_path: Path, *options: str) -> dict:
    output = tmp_path / "replay.json"
    assert main(["bench", "replay", f"dataset={folder}", f"output={output}", *options]) == 0
    return json.loads(output.read_text())["settings"]


def test_slow_motion_is_left_alone_and_a_jump_is_counted(tmp_path: Path) -> None:
    swing = np.sin(np.arange(90) / 15)[:, None] * np.array([10.0, 0, 0, 0, 10, 0])
    quiet = replay(record(tmp_path / "quiet", READY_POSE + swing), tmp_path)
    assert quiet["ticks"] == 90
    assert quiet["altered"] == quiet["held"] == 0
    swing[60:, 0] += 40.0
    sudden = replay(record(tmp_path / "sudden", READY_POSE + swing), tmp_path)
    assert 0 < sudden["altered"] < 10
    assert set(sudden["causes"]) == {"velocity, acceleration or jerk"}


def test_human_motion_goes_through_at_the_default_limits(tmp_path: Path) -> None:
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is not on this machine")
    settings = replay(
        REAL, tmp_path, "units=percent", "safety.table.height=-0.04", "safety.workspace.low=[-0.05,-0.4,-0.06]"
    )
    assert settings["episodes"] == 4
    assert settings["altered_fraction"] <= 0.01
    assert settings["held"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "dataset= must be given"),
        (["dataset=tests"], "no LeRobot dataset"),
        (["dataset=tests", "units=radians"], "radians"),
        (["dataset=tests", "safety=none"], "safety=none"),
    ],
)
def test_what_cannot_be_replayed_is_said(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "replay", *options]) == 2
    assert message in capsys.readouterr().err
