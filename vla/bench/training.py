"""Training speed: `vla train` with its frame cache, and the same updates fed by lerobot's own loader.

Both sides train the same policy on the same samples in the same order, with lerobot's update; they differ in where the
batches come from. A repetition is one update, from asking for its batch to the end of the optimizer's step.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from lerobot.configs.policies import PreTrainedConfig
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from lerobot.utils.logging_utils import MetricsTracker
from lerobot.utils.random_utils import set_seed
from omegaconf import DictConfig, OmegaConf
from torch.utils.data import DataLoader, Dataset

from vla.bench.report import Report, Row, ratios, row
from vla.data.cached_dataset import CachedDataset
from vla.data.episodes import Episode, EpisodeInfo
from vla.data.frame_cache import open_frames
from vla.data.writer import write_dataset
from vla.errors import UnknownNameError
from vla.training import data, setup
from vla.training.options import TrainOptions

OURS, PEER = "vla train", "lerobot-train"
PREFETCH = 4
"""Batches that each of lerobot's loader processes prepares ahead, lerobot's default."""


def run(config: DictConfig) -> Report:
    """Measure both sides in turn; see ``configs/bench.yaml``."""
    if config.threads:
        torch.set_num_threads(config.threads)
    with tempfile.TemporaryDirectory() as folder:
        dataset = config.dataset or str(made_up_dataset(Path(folder) / "made_up", config.seed))
        return compare(config, dataset, Path(folder))


def compare(config: DictConfig, dataset_name: str, folder: Path) -> Report:
    """Measure both sides on a dataset; ``folder`` takes the frame cache of one that is made up."""
    options = TrainOptions(
        dataset=dataset_name,
        output=folder / "run",
        policy=policy_fields(str(config.policy)),
        steps=1,
        batch_size=config.batch_size,
        seed=config.seed,
        workers=config.workers,
        chunk_end="episode",
    )
    accelerator = setup.make_accelerator("auto", "fp32")
    policy = setup.policy_config(options.policy, accelerator.device.type)
    dataset = data.open_dataset(dataset_name, policy)
    frames = open_frames(dataset, None if config.dataset else folder / "frames")
    sides: dict[str, Dataset] = {OURS: CachedDataset(dataset, frames, dataset.delta_timestamps), PEER: dataset}
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(config.rounds):
        for name, items in sides.items():
            loader = data.train_loader(items, dataset, range(dataset.num_episodes), policy, options)[0]
            if name == PEER:
                loader = lerobot_loader(dataset, loader, options)
            times[name] += time_updates(loader, dataset, policy, accelerator, options, config.updates)
    rows: dict[str, Row] = {name: row(values, options.batch_size) for name, values in times.items()}
    settings = {
        "dataset": config.dataset or "made up",
        "policy": str(config.policy),
        "batch_size": options.batch_size,
        "workers": options.workers,
        "threads": torch.get_num_threads(),
        "updates": config.updates * config.rounds,
        "device": accelerator.device.type,
    }
    return Report("training", "samples", rows, ratios(rows, OURS), settings)


def policy_fields(name: str) -> dict[str, Any]:
    """Return the fields of ``configs/policy/<name>.yaml``."""
    folder = resources.files("configs") / "policy"
    names = [item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml")]
    if name not in names:
        raise UnknownNameError("policy", name, names)
    fields = OmegaConf.to_container(OmegaConf.create((folder / f"{name}.yaml").read_text()))
    assert isinstance(fields, dict)
    return {str(key): value for key, value in fields.items()}


def lerobot_loader(dataset: LeRobotDataset, ours: DataLoader, options: TrainOptions) -> DataLoader:
    """Return the loader that lerobot's training script makes, over the same sampler."""
    workers = options.workers
    return DataLoader(
        dataset,
        batch_size=options.batch_size,
        sampler=ours.sampler,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        prefetch_factor=PREFETCH if workers else None,
        persistent_workers=workers > 0,
        multiprocessing_context="spawn" if workers else None,
    )


def time_updates(
    loader: DataLoader,
    dataset: LeRobotDataset,
    policy: PreTrainedConfig,
    accelerator: Accelerator,
    options: TrainOptions,
    updates: int,
) -> list[float]:
    """Return the duration of each of ``updates`` updates [s], after as many as the loader had prepared ahead."""
    set_seed(options.seed)
    learner = setup.make_learner(options, policy, dataset.meta, accelerator, None)
    optimizer = policy.get_optimizer_preset().build(learner.policy.get_optim_params())
    tracker: MetricsTracker = setup.make_tracker(options, len(dataset), dataset.num_episodes, 0)
    batches = _endless(loader)
    for _ in range(options.workers * PREFETCH + 2):
        learner.update(tracker, optimizer, next(batches))
    durations = []
    for _ in range(updates):
        start = time.perf_counter()
        learner.update(tracker, optimizer, next(batches))
        durations.append(time.perf_counter() - start)
    return durations


def made_up_dataset(output: Path, seed: int, episodes: int = 60, frames: int = 200) -> Path:
    """Write a dataset of two 128x128 cameras that show drifting noise; its content does not matter for speed."""
    rng = np.random.default_rng(seed)
    joints = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")

    def episode(index: int) -> Episode:
        state = np.cumsum(rng.normal(0, 1, (frames, len(joints))), axis=0).astype(np.float32)
        texture = np.kron(rng.integers(60, 200, (16, 16, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))
        images = np.stack([np.roll(texture, shift, axis=1) for shift in range(frames)])
        return Episode(
            info=EpisodeInfo("move", index),
            images={"front": images, "wrist": images[:, ::-1]},
            state=state,
            goal=np.zeros((frames, 5), np.float32),
            action=state,
            subgoals=["press the button"] * frames,
            subgoal_index=np.zeros(frames, np.int64),
        )

    write_dataset(map(episode, range(episodes)), output, joint_names=joints, fps=30, robot_type="so101_follower")
    return output


def _endless(loader: DataLoader) -> Iterator[data.Batch]:
    while True:
        yield from loader
