from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from vla.errors import ConfigError
from vla.runtime.rerun_log import WAITING, RerunLog
from vla.types import Box, Observation, Subgoal

JOINTS = ("x", "y")
SUBGOAL = Subgoal("go there", "go", "", box=Box(0.1, 0.2, 0.3, 0.4, camera="front"))


def observation(time: float, *, frames: bool) -> Observation:
    images = {"front": np.full((8, 10, 3), 90, np.uint8), "wrist": np.zeros((8, 10, 3), np.uint8)} if frames else {}
    return Observation(images, np.array([time, 2.0], np.float32), time)


def test_a_run_is_written_to_a_file_that_can_be_opened(tmp_path: Path) -> None:
    from rerun.recording import load_recording

    path, counts = tmp_path / "new" / "run.rrd", Counter[str]()
    with RerunLog(str(path), JOINTS, lambda: counts) as log:
        log.on_start("go there")
        for tick in range(20):
            if tick == 5:
                counts["table"] += 1
            log.on_tick(observation(tick / 30, frames=tick % 6 == 0), SUBGOAL, np.ones(2, np.float32))
        assert not path.exists()
    assert list(path.parent.iterdir()) == [path]
    columns = {str(column.entity_path) for column in load_recording(path).schema().component_columns()}
    wanted = {"state", "action", "cameras/front", "cameras/wrist", "cameras/front/goal", "subgoal/text", "safety"}
    assert {f"/{name}" for name in wanted} <= columns
    assert log.dropped == 0


def test_a_log_that_cannot_keep_up_leaves_ticks_out_and_never_holds_the_loop_up(tmp_path: Path) -> None:
    blocked = threading.Event()
    with RerunLog(str(tmp_path / "run.rrd"), JOINTS) as log:
        log._put(lambda: blocked.wait(10))  # type: ignore[arg-type]
        slowest = 0.0
        for tick in range(3 * WAITING):
            started = time.thread_time()
            log.on_tick(observation(tick / 30, frames=True), SUBGOAL, None)
            slowest = max(slowest, time.thread_time() - started)
        assert slowest < 0.005
        assert WAITING <= log.dropped < 3 * WAITING
        blocked.set()


@pytest.mark.parametrize("target", ["run.txt", "", "True"])
def test_other_targets_are_refused(target: str) -> None:
    with pytest.raises(ConfigError, match=r"valid: true, spawn, or a file that ends with \.rrd"):
        RerunLog(target, JOINTS)
