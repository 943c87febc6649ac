"""How well the control loop keeps time: planner, policy and safety filter at work, for minutes.

By default through lerobot's driver on the bus twin, whose physics and cameras take their share of the same machine.
Instructions are carried out one after the other, whether or not they succeed.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from contextlib import ExitStack

from omegaconf import DictConfig
from rich.progress import Progress

from vla.bench.report import Report, row
from vla.cli.deploy import READY_SECONDS, PlannerProcess, PolicyProcess, move_to_ready
from vla.cli.options import check_range, planner_spec
from vla.cli.robots import open_robot
from vla.cli.safety import Guard, make_filter, safety_options
from vla.errors import ConfigError
from vla.runtime.control_loop import ControlLoop
from vla.runtime.loop_report import LoopReport
from vla.runtime.sidecar import Sidecar
from vla.runtime.watchdog import Watchdog

INSTRUCTIONS = ("put the red cube in the bowl", "press the button", "push the red cube to the left")
"""Carried out in turn; the scene is one in which the first can be."""
LONGEST = 25.0
"""Time limit of one of them [s]."""


def run(config: DictConfig) -> Report:
    """Run for ``minutes=`` on ``robot=``; see ``configs/bench.yaml``."""
    check_range("minutes", config.minutes, 0.01)
    limits = safety_options(config)
    if limits is None:
        raise ConfigError("safety=none: the loop is measured with its safety filter")
    planning = planner_spec(config)
    reports: list[LoopReport] = []
    with ExitStack() as stack:
        planner = stack.enter_context(Sidecar(PlannerProcess(planning.name, planning.options), "planner"))
        local = PolicyProcess(str(config.checkpoint), str(config.device), str(config.runtime))
        policy = stack.enter_context(Sidecar(local, "policy"))
        deployment = stack.enter_context(open_robot(config, INSTRUCTIONS[0], seed=None))
        planner.wait_ready(READY_SECONDS)
        policy.wait_ready(READY_SECONDS)
        safety = Guard(make_filter(limits, deployment.arm, deployment.robot.control_hz))
        progress = stack.enter_context(Progress())
        task = progress.add_task("running", total=60 * config.minutes)
        watchdog = stack.enter_context(Watchdog(deployment.robot))
        loop = ControlLoop(watchdog, policy, planner, safety, planner_period=planning.period, stop_requested=watchdog)
        move_to_ready(loop, deployment, safety)
        end = time.monotonic() + 60 * config.minutes
        for instruction in itertools.cycle(INSTRUCTIONS):
            if time.monotonic() >= end or safety.stopped:
                break
            reports.append(loop.run(instruction, min(LONGEST, end - time.monotonic())))
            progress.advance(task, reports[-1].elapsed)
    return _summary(reports, deployment.robot.control_hz, safety, str(config.robot.name))


def _summary(reports: list[LoopReport], control_hz: float, safety: Guard, robot: str) -> Report:
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
        "stopped": safety.stopped,
        "faults": dict(faults),
        "errors": [error for report in reports for error in report.errors],
        "interventions": dict(safety.filter.interventions),
    }
    rows = {
        "tick, late by": row(lateness),
        "policy, observation to chunk": row([value for report in reports for value in report.policy_seconds]),
        "planner, observation to plan": row([value for report in reports for value in report.planner_seconds]),
    }
    shown = ("ticks", "elapsed", "missed", "late_by_more_than_a_period", "latest_ms", "held", "stopped")
    notes = [f"{name.replace('_', ' ')}: {settings[name]}" for name in shown]
    return Report("loop", "", rows, {}, settings, notes)
