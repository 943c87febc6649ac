"""Whether the arm does behind lerobot's driver what it does in simulation: the same scenes, twice, in real time.

Each instruction is carried out by policy and planner in the control loop, once on the simulated arm itself, and once
through the driver of the real arm and the twin of its servo bus. Success is read off the physics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.progress import track

from vla.bench.report import Report
from vla.cli.assembly import READY_SECONDS, PlannerProcess, PolicyProcess, move_to_ready
from vla.cli.options import FIRST_TEST_SEED, check_range, env_options, planner_spec
from vla.cli.robots import open_robot
from vla.cli.rollouts import open_suite
from vla.cli.safety import Guard, make_filter, required_safety
from vla.errors import InstructionError, VlaError
from vla.evaluation.statistics import wilson_interval
from vla.runtime.control_loop import ControlLoop
from vla.runtime.sidecar import Sidecar
from vla.runtime.watchdog import Watchdog

ROBOTS = ("so101_sim", "so101_bus_twin")
INSTRUCTIONS = ("pick up the red cube", "put the red cube in the bowl", "press the button")
LONGEST = 40.0
"""Time limit of an instruction [s]."""


def run(config: DictConfig) -> Report:
    """Carry out each of `INSTRUCTIONS` in ``trials=`` scenes on both robots; see ``configs/bench.yaml``."""
    check_range("trials", config.trials, 1)
    limits = required_safety(config, "the robots are compared with their safety filter")
    scenes = [(words, seed) for words in INSTRUCTIONS for seed in _seeds(config, words)]
    outcomes: dict[str, list[bool]] = {robot: [] for robot in ROBOTS}
    reasons: dict[str, list[str]] = {robot: [] for robot in ROBOTS}
    local = PolicyProcess(str(config.checkpoint), str(config.device), str(config.runtime))
    with Sidecar(local, "policy") as policy:
        policy.wait_ready(READY_SECONDS)
        for words, seed in track(scenes, "comparing robots"):
            for robot in ROBOTS:
                success, reason = _carry_out(_with_robot(config, robot), limits, words, seed, policy)
                outcomes[robot].append(success)
                reasons[robot].append(f"{words}, seed {seed}: {reason or 'done'}")
    return _report(outcomes, reasons)


def _carry_out(
    config: DictConfig, limits: Mapping[str, Any], words: str, seed: int, policy: Sidecar
) -> tuple[bool, str]:
    """Return whether an instruction is carried out, and why its run has ended if it was not done."""
    planning = planner_spec(config)
    with ExitStack() as stack:
        planner = stack.enter_context(Sidecar(PlannerProcess(planning.name, planning.options), "planner"))
        deployment = stack.enter_context(open_robot(config, words, seed))
        planner.wait_ready(READY_SECONDS)
        safety = Guard(make_filter(limits, deployment.arm, deployment.robot.control_hz))
        watchdog = stack.enter_context(Watchdog(deployment.robot))
        loop = ControlLoop(
            watchdog,
            policy,
            planner,
            safety,
            planner_period=planning.period,
            replan_ticks=config.replan_ticks,
            blend_ticks=config.blend_ticks,
            stop_requested=watchdog,
        )
        try:
            move_to_ready(loop, deployment, safety)
            reason = loop.run(words, LONGEST).reason
        except VlaError as error:
            reason = str(error)
        return bool(deployment.succeeded()), reason


def _seeds(config: DictConfig, instruction: str) -> Iterator[int]:
    """Yield the first ``trials=`` seeds, of those kept for evaluation, whose scene allows the instruction."""
    simulation: Any = open_suite("tabletop").make(**env_options(config))
    found, seed = 0, FIRST_TEST_SEED + config.seed
    while found < config.trials:
        try:
            simulation.reset_for_instruction(instruction, seed)
        except InstructionError:
            pass
        else:
            found += 1
            yield seed
        seed += 1
    simulation.close()


def _with_robot(config: DictConfig, name: str) -> DictConfig:
    options: Any = OmegaConf.to_container(config)
    options["robot"] = {"fps": 30.0, **options["robot"], "name": name}
    return DictConfig(options)


def _report(outcomes: dict[str, list[bool]], reasons: dict[str, list[str]]) -> Report:
    notes, settings = [], {}
    for robot, results in outcomes.items():
        low, high = wilson_interval(sum(results), len(results))
        notes.append(f"{robot}: {sum(results)} of {len(results)} succeeded, 95% interval {low:.2f} to {high:.2f}")
        failed = [text for text, success in zip(reasons[robot], results, strict=True) if not success]
        notes += [f"  failed: {text}" for text in failed]
        settings[robot] = {"successes": sum(results), "episodes": len(results), "failed": failed}
    pairs = list(zip(*outcomes.values(), strict=True))
    settings["only"] = {robot: sum(pair[i] and not pair[1 - i] for pair in pairs) for i, robot in enumerate(ROBOTS)}
    notes.append(f"scenes in which only one succeeds: {settings['only']}")
    return Report("twin", "", {}, {}, settings, notes)
