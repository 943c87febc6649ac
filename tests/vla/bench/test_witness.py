from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from vla.bench.witness import Witness


def test_an_arm_that_was_not_moved_again_pauses_until_now() -> None:
    robot: Any = SimpleNamespace(robot_type="stub", control_hz=30.0, camera_names=(), joint_names=())
    witness = Witness(robot)
    witness.broken_at = time.monotonic() - 2.0
    assert witness.longest_pause() == pytest.approx(2.0, abs=0.5)
    assert witness.seconds_to_rest() == 0.0
