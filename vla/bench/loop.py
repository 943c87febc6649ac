"""How well the control loop keeps time: planner, policy and safety filter at work, for minutes.

By default through lerobot's driver on the bus twin, whose physics and cameras take their share of the same machine.
Instructions are carried out one after the other, whether or not they succeed; when one of them is refused, because its
thing has been lost, the next scene is taken.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

from omegaconf import DictConfig
from rich.progress import Progress

from vla.bench.report import Report, row
from vla.cli.assembly import READY_SECONDS, PlannerProcess, PolicyProcess, move_to_ready
from vla.cli.options import check_range, env_options, planner_spec
from vla.cli.robots import open_robot
from vla.cli.rollouts import open_suite
from vla.cli.safety import Guard, make_filter, required_safety
from vla.errors import InstructionError
from vla.runtime.control_loop import ControlLoop
from vla.runtime.loop_report import LoopReport
from vla.runtime.sidecar import Sidecar
from vla.runtime.watchdog import Watchdog

INSTRUCTIONS = ("put the red cube in the bowl", "press the button", "push the red cube to the left")
"""Carried out in turn; scenes are those in which the first can be."""
LONGEST = 25.0
"""Time limit of one of them [s]."""


def run(config: DictConfig) -> Report:
    """Run for ``minutes=`` on ``robot=``; see ``configs/bench.yaml``."""
    check_range("minutes", config.minutes, 0.01)
    limits = required_safety(config, "the loop is measured with its safety filter")
    planning = planner_spec(config)
    reports: list[LoopReport] = []
    interventions: Counter[str] = Counter()
    stopped, hz = "", 0.0
    with ExitStack() as stack:
        planner = stack.enter_context(Sidecar(PlannerProcess(planning.name, planning.options), "planner"))
        local = PolicyProcess(str(config.checkpoint), str(config.device), str(config.runtime))
        policy = stack.enter_context(Sidecar(local, "policy"))
        planner.wait_ready(READY_SECONDS)
        policy.wait_ready(READY_SECONDS)
        progress = stack.enter_context(Progress())
        task = progress.add_task("running", total=60 * config.minutes)
        left = 60.0 * config.minutes
        scenes = _scenes(config)
        while left > 0 and not stopped:
            with open_robot(config, INSTRUCTIONS[0], next(scenes)) as deployment:
                hz = deployment.robot.control_hz
                safety = Guard(make_filter(limits, deployment.arm, hz))
                with Watchdog(deployment.robot) as watchdog:
                    loop = ControlLoop(
                        watchdog, policy, planner, safety, planner_period=planning.period, stop_requested=watchdog
                    )
                    move_to_ready(loop, deployment, safety)
                    for instruction in itertools.cycle(INSTRUCTIONS):
                        reports.append(loop.run(instruction, min(LONGEST, left)))
                        seconds = reports[-1].ticks / hz
                        left -= seconds
                        progress.advance(task, seconds)
                        if left <= 0 or safety.stopped or not reports[-1].subgoals:
                            break
                interventions += safety.filter.interventions
                stopped = safety.stopped
    return _summary(reports, hz, interventions, stopped, str(config.robot.name))


def _scenes(config: DictConfig) -> Iterator[int]:
    """Yield seeds of scenes in which the first instruction can be carried out."""
    simulation: Any = open_suite("tabletop").make(**env_options(config))
    for seed in itertools.count():
        with suppress(InstructionError):
            simulation.reset_for_instruction(INSTRUCTIONS[0], seed)
            yield seed


def _summary(
    reports: list[LoopReport], control_hz: float, interventions: Counter[str], stopped: str, robot: str
) -> Report:
    lateness = [late for report in reports for late in report.lateness]
    elapsed = sum(report.elapsed for report in reports)
    faults: Counter[str] = sum((report.faults for report in reports), Counter())
    settings = {
        "robot": robot,
        "control_hz": control_hz,
        "ticks": len(lateness),
        "elapsed": round(elapsed, 1),
        "missed": sum(report.missed for report in reports),
        "late_by_more_than_a_period": sum(late > 1 / control_hz for late in lateness),
        "latest_ms": round(1e3 * max(lateness), 2),
        "held": sum(report.held for report in reports),
        "instructions": len(reports),
        "subgoals": sum(len(report.subgoals) for report in reports),
        "stopped": stopped,
        "faults": dict(faults),
        "errors": [error for report in reports for error in report.errors],
        "interventions": dict(interventions),
    }
    rows = {
        "tick, late by": row(lateness),
        "policy, observation to chunk": row([value for report in reports for value in report.policy_seconds]),
        "planner, observation to plan": row([value for report in reports for value in report.planner_seconds]),
    }
    shown = ("ticks", "elapsed", "missed", "late_by_more_than_a_period", "latest_ms", "held", "stopped")
    notes = [f"{name.replace('_', ' ')}: {settings[name]}" for name in shown]
    return Report("loop", "", rows, {}, settings, notes)
