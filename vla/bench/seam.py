"""What the arm notices when it goes over from one chunk of actions to the next.

A policy moves the simulated arm; each chunk arrives one control tick after the observation that it was planned from,
and the next one is asked for after ``replan_ticks``, as in ``vla deploy``. Compared is the change of the commanded
velocity from one tick to the next: switching at once, as against blending over ``blend_ticks``, where the largest
change until the blend is over counts. What the newer chunk does by itself is a third figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from vla.bench.report import Report
from vla.cli.options import check_range, env_options
from vla.errors import VlaError
from vla.runtime.executor import ChunkExecutor
from vla.runtime.lerobot_policy import load_policy
from vla.types import ActionChunk, Done

TASKS = ("pick", "push", "press", "place")
TICKS = 150
"""Of an episode."""


def run(config: DictConfig) -> Report:
    """Measure ``checkpoint=`` on ``trials=`` scenes of each task; see ``configs/bench.yaml``."""
    check_range("replan_ticks", config.replan_ticks, 1)
    check_range("blend_ticks", config.blend_ticks, 1)
    from envs.suites import load_suite

    simulation: Any = load_suite("tabletop").make(**env_options(config))
    policy = load_policy(str(config.checkpoint), str(config.device), threads=config.threads)
    seams = [
        seam
        for task in TASKS
        for trial in range(config.trials)
        for seam in _episode(simulation, policy, task, config.seed + trial, config.replan_ticks, config.blend_ticks)
    ]
    if not seams:
        raise VlaError("no chunk followed another one; replan_ticks= is longer than a chunk")
    at_once, blended, within = np.array(seams).T * simulation.control_hz
    figures = {
        name: {f"p{percent}": round(float(np.percentile(values, percent)), 2) for percent in (50, 99)}
        for name, values in (("at_once", at_once), ("blended", blended), ("within_a_chunk", within))
    }
    ratio = float(blended.mean() / at_once.mean())
    added = float((blended - within).mean() / (at_once - within).mean())
    notes = [f"change of velocity, {name.replace('_', ' ')} [units/s]: {values}" for name, values in figures.items()]
    notes.append(
        f"{len(seams)} seams, blended / at once: {ratio:.3f} of the mean, {added:.3f} of what the seam adds to it"
    )
    settings = {"seams": len(seams), "change_of_velocity": figures, "ratio": round(ratio, 4), "added": round(added, 4)}
    return Report("seam", "", {}, {}, settings, notes)


def _episode(
    simulation: Any, policy: Any, task: str, seed: int, replan_ticks: int, blend_ticks: int
) -> Iterator[tuple[float, float, float]]:
    """Yield the velocity changes [units/tick] of each seam: switched at once, blended, and of the chunk by itself."""
    simulation.reset(task, seed)
    oracle, period = simulation.oracle(), 1 / simulation.control_hz
    oracle.reset()
    policy.reset()
    subgoal = oracle.plan(simulation.observe(), simulation.instruction, ())
    executor = ChunkExecutor(simulation.control_hz, blend_ticks=blend_ticks)
    arriving: ActionChunk | None = None
    sent: list[NDArray[np.float32]] = []
    seam: tuple[int, float, float] | None = None
    for tick in range(TICKS):
        now = tick * period
        if tick % 15 == 14:
            planned = oracle.plan(simulation.observe(), simulation.instruction, ())
            if isinstance(planned, Done):
                return
            if planned.text != subgoal.text:
                executor.drop()
                arriving, sent, seam = None, [], None
            subgoal = planned
        if arriving is not None:
            if len(sent) >= 2 and executor.action_at(now) is not None:
                rest = arriving.actions[round((now - arriving.start_time) / period) :]
                seam = len(sent), _change([*sent[-2:], rest[0]]), _change(rest[: blend_ticks + 1])
            executor.load(arriving, now)
            arriving = None
        planned_at = executor.planned_at
        if planned_at is None or round((now - planned_at) / period) >= replan_ticks:
            arriving = policy.predict_chunk(simulation.observe(), subgoal)
        action = executor.action_at(now)
        if action is None:
            simulation.step(simulation.observe(images=False).state)
            sent, seam = [], None
            continue
        simulation.step(action)
        sent.append(action)
        if seam is not None and len(sent) == seam[0] + min(blend_ticks + 1, replan_ticks):
            yield seam[1], _change(sent[seam[0] - 2 :]), seam[2]
            seam = None


def _change(commands: Sequence[NDArray[np.float32]] | NDArray[np.float32]) -> float:
    """Return the largest change of velocity of a joint over three or more commands (k, n) [units/tick]."""
    return float(np.abs(np.diff(np.stack(list(commands)), n=2, axis=0)).max())
