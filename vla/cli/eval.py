"""`vla eval`: measures a policy and a planner on a suite's tasks, in parallel, and keeps account of every run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig
from rich.console import Console

from vla.cli.options import (
    check_range,
    env_options,
    output_file,
    planner_spec,
    select_tasks,
    weights_digest,
    wording,
    worker_count,
)
from vla.cli.progress import Reporter
from vla.cli.rollouts import Rollouts, RolloutSpec, open_suite
from vla.cli.safety import safety_options
from vla.data.json_file import write_json
from vla.evaluation.ledger import append_to_ledger
from vla.evaluation.progress_file import ProgressFile
from vla.evaluation.published import load_benchmark
from vla.evaluation.reading import read_evaluation
from vla.evaluation.results import EpisodeRecord, latency_entry, monitor_entry, record_entry, summarize
from vla.evaluation.table import success_table
from vla.provenance import PACKAGES, command, origin
from vla.reports.evaluation_page import write_evaluation_page
from vla.runtime.video import VideoRecorder
from vla.runtime.workers import run_jobs
from vla.types import TaskInfo

if TYPE_CHECKING:
    from envs.suites import Suite

Job = tuple[str, int]
"""Task and seed."""


def run(config: DictConfig) -> int:
    """Evaluate, print the table, write JSON, videos and the ledger's line."""
    check_range("episodes", config.episodes, 1)
    check_range("seed", config.seed, 0)
    check_range("videos", config.videos, 0)
    check_range("embed_mb", config.embed_mb, 0)
    workers = worker_count(config)
    suite = open_suite(config.suite)
    tasks = select_tasks(suite, config)
    spec = RolloutSpec(
        suite=config.suite,
        planner=planner_spec(config),
        policy=str(config.policy),
        env=env_options(config),
        wording=wording(config),
        n_action_steps=config.n_action_steps,
        runtime=str(config.runtime),
        device=config.device,
        boxes=bool(config.boxes),
        perturb=config.perturb,
        safety=safety_options(config),
    )
    output = output_file(config.output or default_output(config))
    about: dict[str, Any] = {
        "suite": suite.name,
        "suite_version": suite.version,
        "tasks": [task.name for task in tasks],
        "planner": spec.planner.name,
        "policy": spec.policy,
        "weights": weights_digest(spec.policy),
        "seed": config.seed,
        "episodes": config.episodes,
        "options": asdict(spec),
    }
    jobs = [(task.name, config.seed + index) for task in tasks for index in range(config.episodes)]
    progress = ProgressFile(output.with_suffix(".partial.jsonl"), about)
    about["command"] = command()
    try:
        records = _evaluate(spec, jobs, workers, progress)
    except BaseException as error:
        status = "interrupted" if isinstance(error, KeyboardInterrupt) else "crashed"
        what = f"{type(error).__name__}: {error}"
        append_to_ledger(output.parent, {**about, "status": status, "error": what, "done": len(progress.records)})
        raise
    failures = [(record.task, record.seed) for record in records if not record.success][: config.videos]
    report = _report(about, suite, tasks, records)
    report["videos"] = [f"{task}-{seed}" for task, seed in failures]
    benchmark = load_benchmark(suite.name) if len(tasks) == len(suite.tasks) else None
    if benchmark is not None:
        report["benchmark"] = benchmark.entry(report["success"])
    write_json(output, report)
    ledger = append_to_ledger(output.parent, {**about, "status": "completed", "success": _brief(report["success"])})
    progress.remove()
    Console().print(success_table(report["success"], report["monitor"]))
    if benchmark is not None:
        Console().print(benchmark.table(report["success"], spec.policy))
    print(f"wrote {output}, one line to {ledger}")
    _film(spec, failures, workers, output.with_suffix(""))
    page = write_evaluation_page(read_evaluation(output), output.with_suffix(".html"), config.embed_mb)
    print(f"wrote {page}")
    return 0


def default_output(config: DictConfig) -> Path:
    """Name the JSON after what is evaluated."""
    parts = [config.suite, config.tasks, config.planner.name, config.policy, config.seed]
    name = "-".join(re.sub(r"[^\w.]+", "_", str(part)).strip("_") for part in parts)
    return Path("outputs/eval") / f"{name}.json"


@dataclass(frozen=True)
class EvalWorker:
    """Sets up one worker process; what it returns runs one episode, and films it if there is a folder for that."""

    spec: RolloutSpec
    videos: Path | None = None

    def __call__(self) -> Examine:
        """Make the simulation and load the policy."""
        return Examine(Rollouts(self.spec), self.videos)


class Examine:
    """Runs one episode of a task and seed."""

    def __init__(self, rollouts: Rollouts, videos: Path | None) -> None:
        self._rollouts = rollouts
        self._videos = videos

    def __call__(self, job: Job) -> EpisodeRecord:
        """Return what is reported of the episode."""
        task, seed = job
        if self._videos is None:
            return EpisodeRecord.of(self._rollouts.run(task, seed))
        with VideoRecorder(self._videos / f"{task}-{seed}.mp4", self._rollouts.simulation.control_hz) as video:
            return EpisodeRecord.of(self._rollouts.run(task, seed, [video]))


def _evaluate(spec: RolloutSpec, jobs: Sequence[Job], workers: int, progress: ProgressFile) -> list[EpisodeRecord]:
    """Run the episodes that are not known yet; return all in the order of ``jobs``."""
    known = {(record.task, record.seed) for record in progress.records}
    waiting = [job for job in jobs if job not in known]
    with Reporter("episodes", len(jobs), len(known)) as reporter:
        for _, record in run_jobs(EvalWorker(spec), waiting, min(workers, max(len(waiting), 1))):
            progress.append(record)
            successes = sum(record.success for record in progress.records)
            reporter.update(len(progress.records), f"{successes} succeeded")
    by_job = {(record.task, record.seed): record for record in progress.records}
    return [by_job[job] for job in jobs]


def _film(spec: RolloutSpec, jobs: Sequence[Job], workers: int, folder: Path) -> None:
    """Run the episodes once more, which gives the same episodes, and write a video of each."""
    if not jobs:
        return
    with Reporter("videos", len(jobs)) as reporter:
        for count, _ in enumerate(run_jobs(EvalWorker(spec, folder), jobs, min(workers, len(jobs))), start=1):
            reporter.update(count, "")
    print(f"wrote {len(jobs)} videos of failures to {folder}")


def _report(
    about: Mapping[str, Any], suite: Suite, tasks: Sequence[TaskInfo], records: Sequence[EpisodeRecord]
) -> dict[str, Any]:
    return {
        **about,
        **origin((*PACKAGES, *suite.packages)),
        "success": summarize(records, {task.name: task.group for task in tasks}),
        "monitor": monitor_entry(records),
        "latency": latency_entry(records),
        "records": [record_entry(record) for record in records],
    }


def _brief(success: Mapping[str, Any]) -> dict[str, Any]:
    per_task = {task: entry["success"] for task, entry in success["per_task"].items()}
    return {name: success[name] for name in ("macro", "weighted", "interval")} | {"per_task": per_task}
