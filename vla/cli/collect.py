"""`vla collect`: experts demonstrate every task in parallel; the successful episodes become a LeRobot dataset."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from vla.cli.options import (
    FIRST_TEST_SEED,
    check_range,
    env_options,
    select_tasks,
    weights_digest,
    wording,
    worker_count,
)
from vla.cli.progress import Reporter
from vla.cli.rollouts import EXPERT, PlannerSpec, Rollouts, RolloutSpec, open_suite
from vla.data.episodes import save_shard
from vla.data.writer import assemble
from vla.errors import DatasetError
from vla.runtime.collection import Attempt, CollectionFolder, Quota, shard_path, shard_paths
from vla.runtime.recording import EpisodeRecorder
from vla.runtime.workers import WorkerPool

Job = tuple[str, int]
"""Task and seed."""


def run(config: DictConfig) -> int:
    """Record the dataset; return 1 if a task fell short of its episodes."""
    output = Path(config.output)
    if output.exists():
        raise DatasetError(f"{output} exists; choose another output or remove it")
    check_range("episodes", config.episodes, 1)
    check_range("policy_fraction", config.policy_fraction, 0, 1)
    suite = open_suite(config.suite)
    tasks = [task.name for task in select_tasks(suite, config)]
    quotas = {task: Quota(config.seed, config.episodes) for task in tasks}
    check_range("seed", config.seed, 0, FIRST_TEST_SEED - max(quota.limit for quota in quotas.values()))
    spec = RolloutSpec(
        suite=config.suite,
        planner=PlannerSpec("oracle", period=config.planner_period),
        policy=config.policy or EXPERT,
        env=env_options(config),
        wording=wording(config),
        n_action_steps=config.n_action_steps,
        device=config.device,
        perturb=config.perturb,
        policy_fraction=config.policy_fraction if config.policy else None,
    )
    identity = {**asdict(spec), "version": suite.version, "weights": weights_digest(spec.policy)}
    folder = CollectionFolder(output.with_name(f"{output.name}.partial"), identity)
    simulation = suite.make(**spec.env)
    joint_names, fps, robot_type = simulation.joint_names, round(simulation.control_hz), simulation.robot_type
    simulation.close()

    _record(folder, quotas, CollectWorker(spec, folder.path), worker_count(config))
    _print_summary(folder, quotas, config.seed)
    shards = [
        shard
        for task, quota in quotas.items()
        for seed in sorted(quota.successes)
        for shard in shard_paths(folder.path, task, seed)
    ]
    with Reporter("writing dataset", len(shards)) as reporter:
        assemble(
            shards,
            output,
            joint_names=joint_names,
            fps=fps,
            robot_type=robot_type,
            progress=lambda count: reporter.update(count, ""),
        )
    shutil.rmtree(folder.path)
    print(f"wrote {len(shards)} episodes to {output}")
    return 1 if any(quota.missing for quota in quotas.values()) else 0


@dataclass(frozen=True)
class CollectWorker:
    """Sets up one worker process; what it returns records one episode into the collection's folder."""

    spec: RolloutSpec
    folder: Path

    def __call__(self) -> Demonstrate:
        """Make the simulation, and load the policy if there is one."""
        return Demonstrate(Rollouts(self.spec), self.folder)


class Demonstrate:
    """Records one episode; keeps it if it succeeded."""

    def __init__(self, rollouts: Rollouts, folder: Path) -> None:
        self._rollouts = rollouts
        self._folder = folder

    def __call__(self, job: Job) -> Attempt:
        """Run the episode of a task and seed."""
        task, seed = job
        recorder = EpisodeRecorder(self._rollouts.suite.name)
        result = self._rollouts.run(task, seed, [recorder])
        if result.success:
            for leftover in shard_paths(self._folder, task, seed):
                leftover.unlink()  # of an attempt that was interrupted
            fps = round(self._rollouts.simulation.control_hz)
            for part, episode in enumerate(recorder.episodes):
                save_shard(shard_path(self._folder, task, seed, part), episode, fps)
        return Attempt(task, seed, result.success, result.steps, result.reason)


def _record(folder: CollectionFolder, quotas: Mapping[str, Quota], make_worker: CollectWorker, workers: int) -> None:
    """Run attempts until every task has its episodes."""
    pool: WorkerPool[Job, Attempt] = WorkerPool(make_worker, workers)

    def ask_for_more(task: str) -> None:
        quota = quotas[task]
        while (seed := quota.take()) is not None:
            known = folder.attempts.get((task, seed))
            if known is None:
                pool.submit((task, seed))
            else:
                quota.record(seed, known.success)

    def note() -> str:
        return f"{sum(quota.failures for quota in quotas.values())} failed and replaced"

    for task in quotas:
        ask_for_more(task)
    total = sum(quota.missing + len(quota.successes) for quota in quotas.values())
    with Reporter("recording", total, total - sum(quota.missing for quota in quotas.values())) as reporter:
        for (task, seed), attempt in pool.results():
            folder.append(attempt)
            quotas[task].record(seed, attempt.success)
            ask_for_more(task)
            reporter.update(total - sum(quota.missing for quota in quotas.values()), note())


def _print_summary(folder: CollectionFolder, quotas: Mapping[str, Quota], first_seed: int) -> None:
    table = Table("task", "episodes", "failed", "mean steps", "why")
    for task, quota in quotas.items():
        tried = len(quota.successes) + quota.failures
        attempts = [folder.attempts[task, seed] for seed in range(first_seed, first_seed + tried)]
        steps = [attempt.steps for attempt in attempts if attempt.success]
        reasons = Counter(attempt.reason for attempt in attempts if not attempt.success)
        mean_steps = f"{sum(steps) / len(steps):.0f}" if steps else ""
        why = ", ".join(f"{count} × {reason}" for reason, count in reasons.most_common())
        table.add_row(task, str(len(quota.successes)), str(quota.failures), mean_steps, why)
    Console().print(table)
    for task, quota in quotas.items():
        if quota.missing:
            print(f"{task}: gave up {quota.missing} episodes short after {quota.limit} seeds")
