"""The attack on the safety filter, and the judge of what comes out of it."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from envs.tabletop.simulation import TabletopSimulation
from vla.bench import safety
from vla.bench.adversary import ATTACKS, Bounds
from vla.bench.limit_check import TOLERANCES, LimitCheck
from vla.cli.main import main

ROOT = Path(__file__).resolve().parents[3]
PERIOD = 1 / 30


def limits() -> dict[str, Any]:
    group: Any = OmegaConf.to_container(OmegaConf.load(ROOT / "configs/safety/default.yaml"))
    return group


@pytest.fixture(scope="module")
def arm() -> Any:
    return TabletopSimulation().describe_arm()


@pytest.fixture(scope="module")
def check(arm: Any) -> LimitCheck:
    return LimitCheck(arm, limits(), PERIOD)


def broken(check: LimitCheck, start: np.ndarray, commands: np.ndarray) -> set[str]:
    excesses = check.excesses(start, commands.astype(np.float32))
    return {name for name, excess in excesses.items() if (excess > TOLERANCES[name]).any()}


def test_the_judge_finds_what_breaks_each_limit_and_nothing_else(arm: Any, check: LimitCheck) -> None:
    ready = arm.ready
    assert broken(check, ready, np.repeat(ready[None], 5, axis=0)) == set()
    steady = np.arange(1, 8)[:, None] * np.array([1.0, 0, 0, 0, 0, 0]) * PERIOD
    assert broken(check, ready, ready + 100.0 * steady) == set()
    assert broken(check, ready, ready + 301.0 * steady) == {"velocity", "acceleration"}
    up_and_down = np.array([0.0, 0.0, 8.0, 0.0, 0.0])[:, None] * np.eye(6)[0]
    assert broken(check, ready, ready + up_and_down) == {"acceleration", "jerk"}
    folded = np.array([0.0, -100.0, arm.high[2], 95.0, 0.0, 40.0])
    assert broken(check, ready, folded[None]) >= {"self-collision", "velocity"}
    down = ready + [0.0, 60.0, 0, 0, 0, 0]
    assert broken(check, ready, down[None]) >= {"table", "velocity"}
    far = np.array([90.0, 50.0, -60.0, 0, 0, 0])
    assert "workspace" in broken(check, ready, far[None])
    assert broken(check, far, far[None]) == set()
    assert "table" not in broken(check, down, np.repeat(down[None], 3, axis=0))
    beyond = np.array([arm.high[0] + 0.001, *ready[1:]])
    assert "joint range" in broken(check, ready, beyond[None])
    assert "joint range" not in broken(check, beyond, beyond[None])


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_go_on_and_can_be_repeated(name: str, arm: Any) -> None:
    bounds = Bounds(arm.low.astype(float), arm.high.astype(float), 300.0, 8000.0, PERIOD)
    first, again = (list(islice(ATTACKS[name](np.random.default_rng(3), bounds, arm.ready), 300)) for _ in range(2))
    assert [repr(one)[:30] for one in first] == [repr(one)[:30] for one in again]
    assert any(not np.array_equal(repr(one), repr(first[0])) for one in first)


@pytest.mark.slow
def test_no_command_of_an_attack_breaks_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safety, "EPISODE", 150)
    output = tmp_path / "safety.json"
    assert main(["bench", "safety", "commands=2800", "workers=1", "seed=5", f"output={output}"]) == 0
    settings = json.loads(output.read_text())["settings"]
    assert set(settings["violations"]) == {*TOLERANCES, safety.RAISED}
    assert sum(settings["violations"].values()) == 0
    assert sum(counts["commands"] for counts in settings["attacks"].values()) == 2800
    assert set(settings["attacks"]) == set(ATTACKS)
    assert {"table", "joint range", "stale observation", "no action"} <= set(settings["interventions"])
    assert list(tmp_path.iterdir()) == [output]


def test_an_interrupted_attack_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "attack.jsonl"
    assert safety._resumed(path, "this one") == {}
    outcome = safety.Outcome("jumps", commands=3)
    with path.open("a") as file:
        file.write(json.dumps([4, safety.asdict(outcome)]) + "\n" + '[5, {"att')
    assert safety._resumed(path, "this one") == {4: outcome}
    assert safety._resumed(path, "another one") == {}


def test_a_limit_that_is_off_cannot_be_attacked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "safety", "safety.table=null"]) == 2
    assert "switched off: table" in capsys.readouterr().err
