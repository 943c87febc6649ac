"""``vla vlm data``: questions about a suite's scenes, with answers, for training a vision-language model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from vla.cli.options import FIRST_TEST_SEED, check_range, env_options, worker_count
from vla.cli.progress import Reporter
from vla.cli.rollouts import open_suite
from vla.errors import ConfigError
from vla.runtime.workers import run_jobs
from vla.vlm.data.samples import choose_samples, write_samples
from vla.vlm.data.shards import Shard, claim, plan_shards, read_shard, take_views, write_shard
from vla.vlm.data.source import SPLITS, ViewSource
from vla.vlm.examples import KINDS, View

SAMPLES = "samples.html"


def run(config: DictConfig) -> int:
    """Write the shards that are missing, and the sample page."""
    for name, least in (("views", 1), ("test_views", 0), ("shard_views", 1), ("moments", 1), ("perturb", 0)):
        check_range(name, config[name], least)
    check_range("samples", config.samples, 0)
    shards = _shards(config)
    episodes = sum(-(-shard.views // config.moments) for shard in shards if shard.split == "train")
    check_range("seed", config.seed, 0, FIRST_TEST_SEED - episodes)
    spec = SourceSpec(str(config.suite), env_options(config))
    version = open_suite(spec.suite).version
    spec.open().close()  # says what is wrong before anything is written
    options = {key: config[key] for key in ("views", "test_views", "seed", "shard_views", "moments", "perturb")}
    folder = Path(config.output)
    claim(folder, {"suite": spec.suite, "version": version, **options, "env": _plain(spec.env)})

    missing = [shard for shard in shards if not (folder / shard.name).is_file()]
    total, written = sum(shard.views for shard in shards), sum(shard.views for shard in shards)
    written -= sum(shard.views for shard in missing)
    make_worker = DataWorker(spec, folder, config.moments, config.perturb)
    with Reporter("views", total, written) as reporter:
        for shard, questions in run_jobs(make_worker, missing, worker_count(config)):
            written += shard.views
            reporter.update(written, f"{shard.name}: {questions / shard.views:.1f} questions a view")
    _show(folder, shards, config.samples)
    return 0


@dataclass(frozen=True)
class SourceSpec:
    """Which simulation to ask."""

    suite: str
    env: Mapping[str, Any]

    def open(self) -> ViewSource:
        """Make the simulation.

        Raises:
            ConfigError: it has no questions.
        """
        simulation = open_suite(self.suite).make(**self.env)
        if not isinstance(simulation, ViewSource):
            raise ConfigError(f"the suite {self.suite} has no questions about its scenes")
        return simulation


@dataclass(frozen=True)
class DataWorker:
    """Sets up one worker process; what it returns writes one shard."""

    spec: SourceSpec
    folder: Path
    moments: int
    perturb: float

    def __call__(self) -> WriteShard:
        """Make the simulation."""
        return WriteShard(self, self.spec.open())


class WriteShard:
    """Writes one shard and counts its questions."""

    def __init__(self, worker: DataWorker, source: ViewSource) -> None:
        self._worker, self._source = worker, source

    def __call__(self, shard: Shard) -> int:
        """Take the shard's views; return the number of questions."""
        views = list(take_views(self._source, shard, self._worker.moments, self._worker.perturb))
        write_shard(self._worker.folder / shard.name, views)
        return sum(len(view.questions) for view in views)


def _shards(config: DictConfig) -> list[Shard]:
    first = {"train": config.seed, "test": FIRST_TEST_SEED + config.seed}
    views = {"train": config.views, "test": config.test_views}
    return [
        shard
        for split in SPLITS
        for shard in plan_shards(split, views[split], config.shard_views, config.moments, first[split])
    ]


def _show(folder: Path, shards: list[Shard], samples: int) -> None:
    """Write the sample page from the first shard of each split, and say what there is."""
    views: list[View] = []
    for split in SPLITS:
        first = [shard for shard in shards if shard.split == split][:1]
        views += [view for shard in first for view in read_shard(folder / shard.name)]
    write_samples(folder / SAMPLES, choose_samples(views, samples), f"Samples of {folder}")
    counts = Counter(question.kind for view in views for question in view.questions)
    total = counts.total()
    print(", ".join(f"{kind} {counts[kind] / total:.0%}" for kind in KINDS))
    print(f"wrote {sum(shard.views for shard in shards)} views to {folder}; look at {folder / SAMPLES}")


def _plain(env: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in env.items()}
