"""`vla deploy "<instruction>"`: carries out an instruction in real time, behind the safety filter."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig

from vla.cli.assembly import Assembly, move_to_ready, stop_page
from vla.cli.options import output_file, rerun_target
from vla.cli.run import FAILED, REFUSED, SUCCEEDED, Narrator, default_output, interventions
from vla.data.json_file import write_json
from vla.data.writer import write_dataset
from vla.errors import ConfigError
from vla.runtime.loop_report import LoopReport, as_episode_result
from vla.runtime.recording import EpisodeRecorder
from vla.runtime.rerun_log import RerunLog
from vla.runtime.stop_key import StopKey
from vla.runtime.stop_switch import StopSwitch
from vla.runtime.subscribers import Subscriber
from vla.runtime.video import VideoRecorder

SHOWN_FAULTS = 3


def run(config: DictConfig) -> int:
    """Carry the instruction out; return 0 on success, 1 on failure or stop, 2 if the planner refuses it."""
    instruction = str(config.instruction).strip()
    if not instruction:
        raise ConfigError("the instruction is empty")
    rerun_target(config, Path("checked.json"))
    recording = Path(config.record) if config.record else None
    if recording is not None and recording.exists():
        raise ConfigError(f"record={recording} exists; name a folder that does not")
    assembly = Assembly(config)
    with ExitStack() as stack:
        key = stack.enter_context(StopKey())
        page = stop_page(config, stack)
        stop = stack.enter_context(StopSwitch(assembly.stop_file, key, *([page] if page else [])))
        stack.enter_context(assembly)
        station = stack.enter_context(assembly.open(instruction, config.seed, stop))
        deployment, safety, watchdog = station.deployment, station.safety, station.watchdog
        robot = deployment.robot
        seed = deployment.seed or 0
        output = output_file(config.output or Path("outputs/deploy") / default_output(instruction, seed).name)
        subscribers: list[Subscriber] = [Narrator()]
        scene = f", seed {seed}" if deployment.seed is not None else ""
        print(f'"{instruction}"  (robot {config.robot.name}{scene}, policy {config.policy})')
        if target := rerun_target(config, output):
            log = RerunLog(target, robot.joint_names, lambda: safety.filter.interventions)
            subscribers.append(stack.enter_context(log))
        assembly.wait_ready()
        if config.video:
            subscribers.append(stack.enter_context(VideoRecorder(output.with_suffix(".mp4"), robot.control_hz)))
        recorder = EpisodeRecorder("deploy")
        if recording is not None:
            subscribers.append(recorder)
        if page:
            page.status = watchdog
        loop = station.loop(subscribers=subscribers)
        print(f"moving to the ready pose; {'space bar or ' if key.available else ''}Ctrl-C stops the arm", flush=True)
        with watchdog:
            move_to_ready(loop, deployment, safety)
            report = loop.run(instruction, config.max_seconds)
        verdict = deployment.succeeded()
        success = report.done and verdict is not False
        result = as_episode_result(report, instruction, task=deployment.task, seed=seed, success=success)
        for subscriber in subscribers:
            subscriber.on_end(result)
        if recording is not None and recorder.episodes:
            fps = round(robot.control_hz)
            write_dataset(
                recorder.episodes, recording, joint_names=robot.joint_names, fps=fps, robot_type=robot.robot_type
            )
            print(f"wrote {recording}")
    print(describe(report, robot.control_hz))
    print(interventions(safety.filter.interventions, report.ticks))
    refused = not report.subgoals and not report.done and not safety.stopped and report.elapsed < config.max_seconds
    outcome = "success" if success else f"{'refused' if refused else 'failure'}: {report.reason or 'not achieved'}"
    witness = " by the planner's word" if success and verdict is None else ""
    print(f"{outcome}{witness} after {report.elapsed:.1f} s")
    report_file = output.with_suffix(".json")
    write_json(report_file, entry(report, safety.filter.interventions) | {"success": success})
    print(f"wrote {report_file}")
    return SUCCEEDED if success else REFUSED if refused else FAILED


def describe(report: LoopReport, control_hz: float) -> str:
    """Return the rates and latencies of a run in words."""
    lines = [
        f"loop: {report.ticks / max(report.elapsed, 1e-9):.2f} of {control_hz:g} ticks/s, {report.missed} missed; "
        f"late by {_milliseconds(report.lateness)}"
    ]
    for name, seconds in (("policy", report.policy_seconds), ("planner", report.planner_seconds)):
        restarts = report.restarts.get(name, 0)
        again = f", started again {restarts} times" if restarts else ""
        lines.append(f"{name}: {len(seconds)} answers, {_milliseconds(seconds)}{again}")
    lines += [f"  {error}" for error in dict.fromkeys(report.errors)]
    lines += [f"robot, in {ticks} ticks: {fault}" for fault, ticks in report.faults.most_common(SHOWN_FAULTS)]
    lines.append(f"held without an action in {report.held} ticks")
    return "\n".join(lines)


def entry(report: LoopReport, causes: Mapping[str, int]) -> dict[str, Any]:
    """Return a run as JSON."""
    edges = [0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 33.0, np.inf]
    counts, _ = np.histogram(np.array(report.lateness) * 1e3, edges)
    bins = [f"{low:g}-{high:g} ms" for low, high in itertools.pairwise(edges)]
    return {
        "ticks": report.ticks,
        "elapsed": report.elapsed,
        "missed": report.missed,
        "lateness": dict(zip(bins, counts.tolist(), strict=True)),
        "lateness_ms": _percentiles(report.lateness),
        "policy_ms": _percentiles(report.policy_seconds),
        "planner_ms": _percentiles(report.planner_seconds),
        "held": report.held,
        "restarts": report.restarts,
        "errors": report.errors,
        "faults": dict(report.faults),
        "interventions": dict(causes),
        "reason": report.reason,
        "subgoals": [[end.subgoal.text, end.outcome, end.start_time, end.end_time] for end in report.subgoals],
    }


def _percentiles(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    p50, p99 = np.percentile(seconds, [50, 99]) * 1e3
    return {"p50": float(p50), "p99": float(p99), "max": 1e3 * max(seconds)}


def _milliseconds(seconds: list[float]) -> str:
    if not seconds:
        return "no time measured"
    values = _percentiles(seconds)
    return f"{values['p50']:.2f} ms p50, {values['p99']:.2f} ms p99, {values['max']:.2f} ms at most"
