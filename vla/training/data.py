"""The data of a run: the dataset, its split by episode, and endless batches that resume where they stopped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch
from datasets.exceptions import DatasetsError
from lerobot.configs.policies import PreTrainedConfig
from lerobot.datasets import EpisodeAwareSampler, compute_sampler_state
from lerobot.datasets.factory import resolve_delta_timestamps
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from torch.utils.data import DataLoader, Dataset, Subset

from vla.data.cached_dataset import CachedDataset
from vla.data.frame_cache import open_frames
from vla.data.location import dataset_location, open_metadata
from vla.data.readiness import check_trainable, name_image_axes
from vla.data.tables import episode_rows
from vla.errors import DatasetError

if TYPE_CHECKING:
    from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata

    from vla.training.options import TrainOptions

Batch = dict[str, Any]


def open_checked(name: str) -> LeRobotDatasetMetadata:
    """Open the metadata of a dataset that has everything training needs; one of the hub is fetched when it is opened.

    Raises:
        DatasetError: it is missing or incomplete.
    """
    meta = open_metadata(name)
    if dataset_location(name)[1] is not None:
        check_trainable(meta)
    return meta


def open_dataset(name: str, policy: PreTrainedConfig, episodes: Sequence[int] | None = None) -> LeRobotDataset:
    """Open a dataset with the frames and action chunks that ``policy`` asks for, images as uint8.

    Raises:
        DatasetError: it is missing or incomplete, or its files are not what its metadata says.
    """
    repo_id, root = dataset_location(name)
    deltas = resolve_delta_timestamps(policy, open_checked(name))
    chosen = None if episodes is None else list(episodes)
    try:
        dataset = LeRobotDataset(repo_id, root=root, episodes=chosen, delta_timestamps=deltas, return_uint8=True)
    except (OSError, ValueError, DatasetsError, pa.ArrowException) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DatasetError(f"dataset {name} cannot be opened: {reason}") from error
    name_image_axes(dataset.meta)
    return dataset


def split_episodes(episodes: int, fraction: float, seed: int) -> tuple[list[int], list[int]]:
    """Draw the held-out episodes; return (training, held-out), each sorted. At least one is held out if any is to be.

    Raises:
        DatasetError: nothing would be left to train on.
    """
    held = 0 if fraction == 0 else max(1, round(episodes * fraction))
    if held >= episodes:
        raise DatasetError(
            f"val_fraction={fraction} of {episodes} episodes leaves none to train on; val_fraction=0 holds out none"
        )
    order = np.random.default_rng(seed).permutation(episodes).tolist()
    return sorted(order[held:]), sorted(order[:held])


def make_items(
    dataset: LeRobotDataset, options: TrainOptions, progress: Callable[[int, int], None]
) -> CachedDataset | LeRobotDataset:
    """Return what the loaders draw from: the dataset through the frame cache, or itself with ``cache=false``."""
    if not options.cache:
        return dataset
    frames = open_frames(dataset, options.cache_folder, progress=progress)
    return CachedDataset(
        dataset,
        frames,
        dataset.delta_timestamps,
        instructed=options.text == "instruction",
        end_chunks_with_task=options.chunk_end == "task",
    )


def train_loader(
    items: Dataset, dataset: LeRobotDataset, episodes: Sequence[int], policy: PreTrainedConfig, options: TrainOptions
) -> tuple[DataLoader, EpisodeAwareSampler]:
    """Return the loader of the training episodes, in lerobot's shuffled order, a function of seed and epoch alone."""
    first, end = episode_rows(dataset.meta)
    sampler = EpisodeAwareSampler(
        first.tolist(),
        end.tolist(),
        episode_indices_to_use=list(episodes),
        drop_n_last_frames=getattr(policy, "drop_n_last_frames", 0),
        shuffle=True,
        seed=options.seed,
    )
    return _loader(items, options, sampler=sampler), sampler


def held_out_loader(
    items: Dataset, dataset: LeRobotDataset, episodes: Sequence[int], options: TrainOptions
) -> DataLoader | None:
    """Return the loader of at most ``val_samples`` frames, evenly spaced over the held-out episodes."""
    if not episodes:
        return None
    first, end = episode_rows(dataset.meta)
    rows = np.concatenate([np.arange(first[index], end[index]) for index in episodes])
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(options.val_samples, len(rows))).round().astype(int))
    return _loader(Subset(items, rows[chosen].tolist()), options)


def endless(loader: DataLoader, sampler: EpisodeAwareSampler, step: int, options: TrainOptions) -> Iterator[Batch]:
    """Yield batches epoch after epoch, from the one that follows update ``step``."""
    sampler.load_state_dict(compute_sampler_state(step, len(sampler), options.batch_size, num_processes=1))
    while True:
        yield from loader


def float_images(batch: Batch, camera_keys: Sequence[str]) -> Batch:
    """Turn uint8 frames into the [0, 1] floats that processors expect."""
    for key in camera_keys:
        if key in batch and batch[key].dtype == torch.uint8:
            batch[key] = batch[key].to(torch.float32) / 255.0
    return batch


def _leave_group(worker: int) -> None:
    """Leave it to the training process to end on Ctrl-C or a signal to the whole group; it then ends its workers."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()


def _loader(items: Dataset, options: TrainOptions, sampler: EpisodeAwareSampler | None = None) -> DataLoader:
    cached = isinstance(items.dataset if isinstance(items, Subset) else items, CachedDataset)
    return DataLoader(
        items,
        batch_size=options.batch_size,
        sampler=sampler,
        num_workers=options.workers,
        collate_fn=CachedDataset.collate if cached else None,  # pyright: ignore[reportArgumentType]
        persistent_workers=options.workers > 0,
        worker_init_fn=_leave_group,
        prefetch_factor=4 if options.workers else None,
        pin_memory=torch.cuda.is_available(),
        # Opening an iterator draws a number from this generator; from the global one, it would change the curve.
        generator=torch.Generator().manual_seed(options.seed),
    )
