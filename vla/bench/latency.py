"""Policy latency: from an observation to an unnormalised action chunk, image preparation included, batch of one.

Each peer is lerobot's policy with its default architecture and random weights, given the same two cameras, state and
action sizes as ours. All run in this process with the same number of threads, in turn, so that a change of the
machine's speed falls on everybody.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig

from vla.bench.report import Report, ratios, row
from vla.data.features import ACTION, IMAGES, STATE, camera_name
from vla.errors import UnknownNameError
from vla.runtime.lerobot_policy import load_policy
from vla.types import Box, Observation, Subgoal

OURS, OURS_IN_TORCH = "ours", "ours, runtime=torch"
PEERS = ("act", "diffusion")
TURN = 10
"""Calls a subject makes before the next one's turn."""


def run(config: DictConfig) -> Report:
    """Measure ``checkpoint=`` and ``peers=``; see ``configs/bench.yaml``.

    Raises:
        UnknownNameError: a peer that is not known.
        CheckpointError: the checkpoint cannot be loaded.
    """
    peers = [name for name in str(config.peers).replace(" ", "").split(",") if name]
    if unknown := [name for name in peers if name not in PEERS]:
        raise UnknownNameError("peer", unknown[0], PEERS)
    subjects = {
        OURS: load_policy(config.checkpoint, config.device, threads=config.threads, runtime=str(config.runtime)),
        OURS_IN_TORCH: load_policy(config.checkpoint, config.device, threads=config.threads, runtime="torch"),
    }
    features = subjects[OURS].features()
    with tempfile.TemporaryDirectory() as folder:
        for name in peers:
            saved = _untrained(name, features, Path(folder) / name)
            subjects[name] = load_policy(str(saved), device=config.device)
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    rng = np.random.default_rng(config.seed)
    for _ in range(max(1, config.calls // TURN)):
        for name, policy in subjects.items():
            for _ in range(TURN):
                observation, subgoal = draw_observation(rng, features)
                start = time.perf_counter()
                policy.predict_chunk(observation, subgoal)
                seconds[name].append(time.perf_counter() - start)
    rows = {name: row(values, 1) for name, values in seconds.items()}
    settings = {
        "checkpoint": str(config.checkpoint),
        "parameters": {name: policy.parameter_count() for name, policy in subjects.items()},
        "inputs": {key: list(shape) for key, shape in features[0].items()},
        "runtime": str(config.runtime),
        "threads": torch.get_num_threads(),
        "device": subjects[OURS].device,
    }
    return Report("latency", "chunks", rows, ratios(rows, OURS), settings)


Features = tuple[dict[str, tuple[int, ...]], int]
"""Inputs of a policy and their shapes, and the size of an action."""


def draw_observation(rng: np.random.Generator, features: Features) -> tuple[Observation, Subgoal]:
    """Return random frames and a random state of the shapes in ``features``, and a subgoal with a box."""
    inputs, joints = features
    frames = {
        camera_name(key): rng.integers(0, 256, (*shape[1:], shape[0]), dtype=np.uint8)
        for key, shape in inputs.items()
        if key.startswith(IMAGES)
    }
    state = rng.normal(0, 20, joints).astype(np.float32)
    subgoal = Subgoal("pick up the red cube", "pick", "red cube", box=Box(0.4, 0.4, 0.5, 0.5))
    return Observation(frames, state, 0.0), subgoal


def _untrained(name: str, features: Features, folder: Path) -> Path:
    """Save a peer with random weights, as `lerobot-train` would at step 0."""
    from lerobot.configs import FeatureType, PolicyFeature
    from lerobot.policies.factory import get_policy_class, make_policy_config, make_pre_post_processors

    inputs, joints = features
    types = {IMAGES: FeatureType.VISUAL, STATE: FeatureType.STATE}
    wanted = {key: shape for key, shape in inputs.items() if key.startswith(IMAGES) or key == STATE}
    options: dict[str, Any] = {"pretrained_backbone_weights": None, "device": "cpu", "push_to_hub": False}
    config = make_policy_config(
        name,
        input_features={
            key: PolicyFeature(types[STATE if key == STATE else IMAGES], shape) for key, shape in wanted.items()
        },
        output_features={ACTION: PolicyFeature(FeatureType.ACTION, (joints,))},
        **options,
    )
    extremes = {"min": torch.full((joints,), -1.0), "max": torch.full((joints,), 1.0)}
    stats = {key: {"mean": torch.zeros(joints), "std": torch.ones(joints), **extremes} for key in (STATE, ACTION)}
    pixel = {"mean": torch.zeros(3, 1, 1), "std": torch.ones(3, 1, 1), "min": torch.zeros(3, 1, 1)}
    stats |= {key: {**pixel, "max": torch.ones(3, 1, 1)} for key in wanted if key != STATE}
    get_policy_class(name)(config).save_pretrained(folder)
    for processor in make_pre_post_processors(config, dataset_stats=stats):
        processor.save_pretrained(folder)
    return folder
