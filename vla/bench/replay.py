"""Recorded motion of a real SO-101 through the safety filter: how many of its actions does the filter alter?

The filter is told of the recorded state and offered the recorded action, tick by tick. Actions of the first second,
while the arm may not move at full speed yet (``safety.ramp``), are counted by themselves.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from omegaconf import DictConfig

from vla.bench.report import Report, row
from vla.cli.options import env_options
from vla.cli.rollouts import open_suite
from vla.cli.safety import make_filter, required_safety
from vla.data.features import ACTION, STATE
from vla.errors import ConfigError, DatasetError, UnknownNameError
from vla.safety.limit import Situation
from vla.types import ArmDescription

UNITS = ("degrees", "percent")


def run(config: DictConfig) -> Report:
    """Replay ``dataset=``; see ``configs/bench.yaml``.

    Raises:
        ConfigError: no dataset is named, or there is no safety filter.
        DatasetError: it is not one of this arm.
        UnknownNameError: there are no such units.
    """
    if config.dataset is None:
        raise ConfigError("dataset= must be given: a folder with a recording of a real SO-101")
    if config.units not in UNITS:
        raise UnknownNameError("unit", str(config.units), UNITS)
    limits = required_safety(config, "it is the safety filter that is measured")
    simulation: Any = open_suite("tabletop").make(**env_options(config))
    arm: ArmDescription = simulation.describe_arm()
    folder = Path(config.dataset)
    description = folder / "meta/info.json"
    if not description.is_file():
        raise DatasetError(f"{folder} is no LeRobot dataset: there is no meta/info.json")
    info = json.loads(description.read_text())
    names = tuple(str(name).removesuffix(".pos") for name in info["features"][ACTION]["names"])
    if names != arm.joint_names:
        raise DatasetError(
            f"{folder} is of an arm with the joints {', '.join(names)}, not {', '.join(arm.joint_names)}"
        )
    hz = float(info["fps"])
    filter_ = make_filter(limits, arm, hz)
    ramp = limits["ramp"] or 0.0
    ticks = starting = altered = altered_at_start = held = 0
    seconds: list[float] = []
    causes: dict[str, int] = {}
    episodes = _episodes(folder, arm, str(config.units))
    for actions, states in episodes:
        filter_.restart()
        for tick, (action, state) in enumerate(zip(actions, states, strict=True)):
            started = time.perf_counter()
            decision = filter_.decide(action, Situation(tick / hz, state, tick / hz))
            seconds.append(time.perf_counter() - started)
            ticks += 1
            held += decision.held
            if tick / hz <= ramp:
                starting += 1
                altered_at_start += bool(decision.causes)
                continue
            altered += bool(decision.causes)
            for cause in decision.causes:
                causes[cause] = causes.get(cause, 0) + 1
    later = max(1, ticks - starting)
    settings = {
        "dataset": str(folder),
        "limits": limits,
        "episodes": len(episodes),
        "ticks": ticks,
        "altered": altered,
        "altered_fraction": round(altered / later, 5),
        "ticks_of_start": starting,
        "altered_at_start": altered_at_start,
        "held": held,
        "causes": causes,
    }
    notes = [
        f"{altered} of {later} ticks altered ({100 * altered / later:.2f}%), {held} held, in {len(episodes)} episodes",
        f"start-up: {altered_at_start} of {starting} ticks altered",
        *(f"  {count} ticks: {cause}" for cause, count in causes.items()),
    ]
    return Report("replay", "ticks", {"safety filter": row(seconds, 1)}, {}, settings, notes)


def _episodes(folder: Path, arm: ArmDescription, units: str) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return actions (T, n) and states (T, n) of each episode, lerobot units."""
    middle, half = (arm.low + arm.high) / 2.0, (arm.high - arm.low) / 2.0
    middle[-1], half[-1] = 0.0, 100.0  # the gripper is in percent of its whole range in both units
    columns = ["episode_index", ACTION, STATE]
    tables = [pq.read_table(file, columns=columns) for file in sorted(folder.glob("data/*/*.parquet"))]
    if not tables:
        raise DatasetError(f"{folder} holds no data/*/*.parquet")
    index = np.concatenate([table["episode_index"].to_numpy() for table in tables])
    action, state = (
        np.concatenate([np.stack(table[name].to_pylist()) for table in tables]).astype(np.float64)
        for name in (ACTION, STATE)
    )
    if units == "percent":
        action, state = middle + action / 100 * half, middle + state / 100 * half
    return [(action[index == number], state[index == number]) for number in np.unique(index)]
