"""What the control loop makes of each fault: an arm moves on the bus twin, something breaks, it must come to rest.

The arm sweeps to and fro through lerobot's driver and the safety filter. At a random moment something goes wrong, for
good or for a moment. For good, the run must end with a reason; the time counted is from the fault to the last command
that moved the arm. For a moment, the run must go on; the time counted is the longest one without a command that moves
the arm. What was recorded of the first run of each fault must open as a dataset.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig
from rich.progress import track

from vla.bench.report import Report, row
from vla.bench.witness import Witness
from vla.cli.options import env_options
from vla.robots.bus_twin import BusTwin
from vla.robots.twin_faults import (
    corrupt_replies,
    delay_replies,
    drop_replies,
    mend,
    overheat,
    overload,
    sag_voltage,
    spoil_cameras,
    unplug_servo,
)
from vla.robots.twin_process import TwinProcess
from vla.runtime.control_loop import ControlLoop
from vla.runtime.loop_report import LoopReport, as_episode_result
from vla.runtime.partners import PlannerRequest, PolicyRequest
from vla.runtime.recording import EpisodeRecorder
from vla.runtime.sidecar import Sidecar
from vla.runtime.watchdog import Watchdog
from vla.types import ActionChunk, Plan, Robot, Subgoal

INSTRUCTION = "press the button"
"""Decides which scene is drawn; nobody carries it out."""
RUN_SECONDS = 3.5
TROUBLE = (1.2, 2.0)
"""When something breaks, after the start of a run [s]."""
MOMENT = 0.2
"""How long it stays broken if not for good [s]."""
SWEEP = 12.0
"""Amplitude of the motion [units]."""
SWEEP_PERIOD = 1.6
"""[s]"""
WRONG = "did not end as they should"
NO_REASON = ("", f"time limit of {RUN_SECONDS:g} s")


LASTING: dict[str, Callable[[BusTwin], None]] = {
    "replies lost": drop_replies,
    "replies corrupt": corrupt_replies,
    "replies late": delay_replies,
    "servo unplugged": unplug_servo,
    "servo too hot": overheat,
    "servo overloaded": overload,
    "voltage too low": sag_voltage,
    "cameras frozen": partial(spoil_cameras, fault="frozen"),
    "cameras black": partial(spoil_cameras, fault="black"),
    "cameras unplugged": partial(spoil_cameras, fault="unplugged"),
}
PASSING = {name: LASTING[name] for name in ("replies lost", "replies late", "servo unplugged", "cameras black")}


def run(config: DictConfig) -> Report:
    """Break everything ``trials=`` times; see ``configs/bench.yaml``."""
    from vla.cli.robots import TwinArm, twin_follower
    from vla.cli.rollouts import open_suite
    from vla.cli.safety import Guard, make_filter, required_safety

    limits = required_safety(config, "it is the safety filter that brings the arm to rest")
    simulation: Any = open_suite("tabletop").make(**env_options(config))
    simulation.reset_for_instruction(INSTRUCTION, config.seed)
    arm, fps = simulation.describe_arm(), simulation.control_hz
    random = np.random.default_rng(config.seed)
    faults = [(name, fault, True) for name, fault in LASTING.items()]
    faults += [(f"{name}, for {MOMENT:g} s", fault, False) for name, fault in PASSING.items()]
    seconds: dict[str, list[float]] = {}
    outcomes: dict[str, dict[str, int]] = {}
    with ExitStack() as stack:
        planner = stack.enter_context(Sidecar(MakePlanner(), "planner"))
        policy = stack.enter_context(Sidecar(MakePolicy(fps), "policy"))
        twin = stack.enter_context(TwinProcess(TwinArm(env_options(config), INSTRUCTION, config.seed), fps))
        planner.wait_ready(60.0)
        policy.wait_ready(60.0)
        for trial in track(range(config.trials * len(faults)), "breaking things"):
            name, fault, lasting = faults[trial % len(faults)]
            recorder = EpisodeRecorder("faults")
            with twin_follower(twin, simulation, fps) as follower:
                robot = Witness(follower)
                safety = Guard(make_filter(limits, arm, robot.control_hz))
                with Watchdog(robot, silence=1.0) as watchdog:
                    loop = ControlLoop(
                        watchdog, policy, planner, safety, subscribers=[recorder], stop_requested=watchdog
                    )
                    after = random.uniform(*TROUBLE)
                    breaking = threading.Thread(target=_break, args=(twin, fault, lasting, after, robot))
                    breaking.start()
                    report = loop.run("sweep", RUN_SECONDS)
                    breaking.join()
                twin.call(mend)
            ended = report.reason not in NO_REASON
            readable = trial >= len(faults) or _is_readable(recorder, report, robot)
            seconds.setdefault(name, []).append(robot.seconds_to_rest() if lasting else robot.longest_pause())
            counts = Counter(outcomes.get(name, {}))
            counts[report.reason if ended else "went on"] += 1
            counts[WRONG] += ended != lasting or not readable
            outcomes[name] = dict(counts)
    rows = {name: row(values) for name, values in seconds.items()}
    notes = [f"{name}: {counts[WRONG]} of {config.trials} runs {WRONG}" for name, counts in outcomes.items()]
    return Report("faults", "", rows, {}, {"trials": config.trials, "outcomes": outcomes}, notes)


@dataclass(frozen=True)
class MakePlanner:
    """Always plans the same."""

    def __call__(self) -> Callable[[PlannerRequest], Plan]:
        """Return what plans."""
        return lambda request: Subgoal("sweep", "sweep", "air", time_limit=60.0)


@dataclass(frozen=True)
class MakePolicy:
    """Swings all joints around where they were at first."""

    hz: float
    steps: int = 24

    def __call__(self) -> Callable[[PolicyRequest], ActionChunk]:
        """Return what acts."""
        from envs.tabletop.world import READY_POSE

        def act(request: PolicyRequest) -> ActionChunk:
            start = request[0].time
            times = start + np.arange(self.steps) / self.hz
            swing = SWEEP * np.sin(2 * np.pi * times / SWEEP_PERIOD)
            return ActionChunk((READY_POSE + swing[:, None]).astype(np.float32), start)

        return act


def _break(twin: TwinProcess, fault: Callable[[BusTwin], None], lasting: bool, after: float, robot: Witness) -> None:
    time.sleep(after)
    twin.call(fault)
    robot.broken_at = time.monotonic()
    if not lasting:
        time.sleep(MOMENT)
        twin.call(mend)


def _is_readable(recorder: EpisodeRecorder, report: LoopReport, robot: Robot) -> bool:
    """Tell whether the recording of a run opens as a dataset with all its frames."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    from vla.data.writer import write_dataset

    recorder.on_end(as_episode_result(report, "sweep", task="sweep", seed=0, success=False))
    frames = sum(len(episode.state) for episode in recorder.episodes)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "recording"
        write_dataset(
            recorder.episodes,
            root,
            joint_names=robot.joint_names,
            fps=round(robot.control_hz),
            robot_type=robot.robot_type,
        )
        dataset = LeRobotDataset("local/recording", root=root)
        return len(dataset) == frames > 0 and bool(dataset[frames - 1])
