"""`vla run "<instruction>"`: carries out one instruction in simulation and films it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from vla.cli.options import check_range, env_options, output_file, planner_spec, rerun_target
from vla.cli.rollouts import Rollouts, RolloutSpec
from vla.cli.safety import safety_options
from vla.errors import ConfigError
from vla.runtime.rerun_log import RerunLog
from vla.runtime.subscribers import Subscriber
from vla.runtime.video import VideoRecorder
from vla.types import EpisodeResult, Observation, Subgoal, SubgoalResult

SUCCEEDED, FAILED, REFUSED = 0, 1, 2


def run(config: DictConfig) -> int:
    """Carry the instruction out; return 0 on success, 1 on failure, 2 if the planner refuses it."""
    if config.seed is not None:
        check_range("seed", config.seed, 0)
    check_range("max_seconds", config.max_seconds, 0.1)
    instruction = str(config.instruction).strip()
    if not instruction:
        raise ConfigError("the instruction is empty")
    rerun_target(config, Path("checked.mp4"))
    spec = RolloutSpec(
        suite=config.suite,
        planner=planner_spec(config),
        policy=str(config.policy),
        env=env_options(config),
        n_action_steps=config.n_action_steps,
        runtime=str(config.runtime),
        device=config.device,
        safety=safety_options(config),
    )
    rollouts = Rollouts(spec, threads=None)
    rollouts.reset_for_instruction(instruction, config.seed)
    seed = rollouts.simulation.seed
    output = output_file(config.output or default_output(instruction, seed))
    hz = rollouts.simulation.control_hz
    print(f'"{instruction}"  (seed {seed}, planner {spec.planner.name}, policy {spec.policy})')
    if not getattr(rollouts.simulation, "judges", True):
        print("the simulator does not know what these words ask for: the planner's word counts")
    with ExitStack() as stack:
        subscribers: list[Subscriber] = [Narrator(), stack.enter_context(VideoRecorder(output, hz))]
        if target := rerun_target(config, output):
            changed = rollouts.safety.interventions if rollouts.safety else {}
            log = RerunLog(target, rollouts.simulation.joint_names, lambda: changed)
            subscribers.append(stack.enter_context(log))
        started = perf_counter()
        result = rollouts.run_current(config.max_seconds, subscribers)
        seconds = perf_counter() - started
    if result.steps == 0 and not result.success:
        print(f"refused: {result.reason}")
        return REFUSED
    print(rates(result, hz, seconds))
    if rollouts.safety is not None:
        print(interventions(rollouts.safety.interventions, result.steps))
    print(f"{'success' if result.success else f'failure: {result.reason}'} after {result.steps / hz:.1f} s")
    print(f"wrote {output}")
    return SUCCEEDED if result.success else FAILED


def default_output(instruction: str, seed: int) -> Path:
    """Name the video after the instruction."""
    name = re.sub(r"\W+", "_", instruction).strip("_")[:80]
    return Path("outputs/run") / f"{name}-{seed}.mp4"


def rates(result: EpisodeResult, control_hz: float, seconds: float) -> str:
    """Return the measured rates of an episode that took ``seconds`` [s] of wall time."""
    parts = []
    if result.policy_seconds:
        p50, p99 = np.percentile(result.policy_seconds, [50, 99]) * 1000
        parts.append(f"policy {p50:.1f} ms p50, {p99:.1f} ms p99 ({len(result.policy_seconds)} chunks)")
    parts.append(f"planner {np.median(result.planner_seconds) * 1000:.1f} ms p50 ({len(result.planner_seconds)} calls)")
    speed = result.steps / seconds
    parts.append(f"{speed:.0f} control ticks/s with video ({speed / control_hz:.1f} × real time)")
    return "; ".join(parts)


def interventions(causes: Mapping[str, int], steps: int) -> str:
    """Return what a safety filter changed in an episode of ``steps`` ticks."""
    listed = ", ".join(f"{cause} ({ticks} ticks)" for cause, ticks in Counter(causes).most_common())
    return f"safety filter, {steps} ticks: {listed or 'nothing changed'}"


class Narrator:
    """Subscriber that prints each subgoal when it starts and how it ends."""

    wants_frames = False

    def __init__(self) -> None:
        self._count = 0

    def on_start(self, instruction: str) -> None:
        """Count the subgoals from one."""
        self._count = 0

    def on_tick(self, observation: Observation, subgoal: Subgoal | None, action: NDArray[np.float32] | None) -> None:
        """Nothing to say about a single tick."""

    def on_subgoal_end(self, result: SubgoalResult) -> None:
        """Print the subgoal with its outcome."""
        self._count += 1
        seconds = result.end_time - result.start_time
        remark = f" ({result.reason})" if result.reason else ""
        print(f"  {self._count}. {result.subgoal.text}: {result.outcome}{remark}, {seconds:.1f} s", flush=True)

    def on_end(self, result: EpisodeResult) -> None:
        """The command itself prints how the episode ended."""
