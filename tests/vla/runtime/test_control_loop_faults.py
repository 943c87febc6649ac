"""The loop in real time with a robot that fails."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.helpers.toy_loop import Flaky, ToyLoop
from vla.errors import RobotError

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("fails", ["reads", "writes"])
def test_a_robot_that_fails_for_a_moment_is_waited_for(setup: Callable[..., ToyLoop], fails: str) -> None:
    toy = setup()
    toy.robot = Flaky(reads=range(6, 9)) if fails == "reads" else Flaky(writes=range(6, 9))
    report = toy.loop().run("go", 15.0)
    assert report.done, report.reason
    assert sum(report.faults.values()) == 3
    np.testing.assert_allclose(toy.robot.state, [40.0, 60.0], atol=1.0)


@pytest.mark.parametrize("fails", ["reads", "writes"])
def test_a_robot_that_goes_on_failing_ends_the_run(setup: Callable[..., ToyLoop], fails: str) -> None:
    toy = setup()
    toy.robot = Flaky(reads=range(6, 1000)) if fails == "reads" else Flaky(writes=range(6, 1000))
    report = toy.loop().run("go", 15.0)
    assert not report.done
    assert report.reason == toy.safety.stopped == ("cannot be read" if fails == "reads" else "cannot be moved")
    assert report.elapsed < 4.0


def test_a_lasting_fault_ends_the_run_at_once(setup: Callable[..., ToyLoop]) -> None:
    toy = setup()
    toy.robot = Flaky(reads=range(6, 7), lasting=True)
    report = toy.loop().run("go", 15.0)
    assert report.reason == "cannot be read"
    assert toy.robot.calls <= 9


def test_a_robot_that_fails_from_the_start_is_an_error(setup: Callable[..., ToyLoop]) -> None:
    toy = setup()
    toy.robot = Flaky(reads=range(1, 1000))
    with pytest.raises(RobotError, match="cannot be read"):
        toy.loop().run("go", 15.0)
