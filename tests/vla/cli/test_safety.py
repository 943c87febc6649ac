"""The config group ``safety``, and rollouts behind the filter it describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from envs.tabletop.simulation import TabletopSimulation
from vla.cli.main import main
from vla.cli.rollouts import PlannerSpec, Rollouts, RolloutSpec
from vla.cli.safety import LIMITS, make_filter, safety_options
from vla.errors import ConfigError, UnknownNameError
from vla.safety.limit import Situation

DEFAULT = Path(__file__).resolve().parents[3] / "configs/safety/default.yaml"


def options(**changes: Any) -> dict[str, Any]:
    group: Any = OmegaConf.to_container(OmegaConf.load(DEFAULT))
    return group | changes


def read(**changes: Any) -> dict[str, Any] | None:
    return safety_options(OmegaConf.create({"safety": options(**changes)}))


def test_everything_is_on_by_default_and_no_group_means_no_filter(capsys: pytest.CaptureFixture[str]) -> None:
    limits = read()
    assert limits is not None
    assert set(limits) == set(LIMITS)
    assert None not in limits.values()
    assert capsys.readouterr().out == ""
    assert safety_options(OmegaConf.create({"safety": {}})) is None


def test_switching_a_limit_off_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    read(table=None, jerk=None)
    assert "switched off: jerk, table" in capsys.readouterr().out


def test_unknown_and_missing_limits_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="velocity"):
        read(velocty=3.0)
    incomplete = options()
    del incomplete["stall"]
    with pytest.raises(ConfigError, match=r"safety\.stall is not set"):
        safety_options(OmegaConf.create({"safety": incomplete}))


@pytest.mark.parametrize("name", LIMITS)
def test_a_filter_can_be_built_without_any_one_limit(name: str) -> None:
    arm = TabletopSimulation().describe_arm()
    filter_ = make_filter(options(**{name: None}), arm, 30.0)
    rest = np.array([0.0, -50.0, 31.0, 93.0, 2.5, 38.0])
    decision = filter_.decide(rest, Situation(0.0, rest, 0.0, 0.0))
    assert decision.action is not None
    np.testing.assert_allclose(decision.action, rest, atol=1e-4)


@pytest.mark.parametrize("task", ["place", "push"])
def test_an_expert_works_behind_the_filter(task: str) -> None:
    spec = RolloutSpec("tabletop", PlannerSpec("oracle", period=0.5), safety=options())
    rollouts = Rollouts(spec)
    result = rollouts.run(task, 7)
    assert result.success, result.reason
    assert rollouts.safety is not None
    changed = rollouts.safety.interventions
    assert changed["start-up ramp"] > 0
    assert changed["table"] + changed["self-collision"] + changed["workspace"] == 0
    assert not rollouts.safety.stopped


def test_an_arm_that_may_not_move_fails_its_task_and_a_run_says_what_the_filter_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", "press the button", "seed=3", "planner=oracle", "policy=expert", "max_seconds=3"]
    box = "safety.workspace={low: [0.1, -0.01, 0.08], high: [0.2, 0.01, 0.2]}"
    assert main([*command, "safety=default", box, f"output={tmp_path / 'a.mp4'}"]) == 1
    text = capsys.readouterr().out
    assert "safety filter, 90 ticks:" in text
    assert "workspace (" in text


def test_a_suite_without_an_arm_has_no_filter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["run", "go to point 0", "suite=tests.helpers.toy_suite:suite", "planner=oracle", "policy=expert"]
    assert main([*command, "safety=default", f"output={tmp_path / 'a.mp4'}"]) == 2
    assert "describes no arm" in capsys.readouterr().err
