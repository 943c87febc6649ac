"""Small policies and the data they need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from lerobot.configs import FeatureType, PolicyFeature

from policies.late_fusion.configuration_late_fusion import LateFusionConfig
from policies.late_fusion.modeling_late_fusion import LateFusionPolicy
from vla.data.features import ACTION, GOAL, STATE, image_key

JOINTS = ["pan", "lift", "elbow", "flex", "roll", "gripper"]
SIZE = 64
CHUNK = 16
STATE_CROP = {
    "crop_size": 24,
    "crop_center": "state",
    "crop_projection": [[0.01, 0.0, 0.0, 0.5], [0.0, 0.01, 0.002, 0.5], [0.0, 0.0, 0.001, 1.0]],
    "use_goal": False,
}
TEXTS = ("pick up the red cube", "press the button")


def smooth_motion(frames: int, seed: int = 0) -> np.ndarray:
    """Joint angles (F, 6) of slow random motion [deg]; the last is a gripper, 0-100."""
    random = np.random.default_rng(seed)
    time = np.arange(frames)[:, None] / 30
    angles = 30 * np.sin(time * random.uniform(0.5, 3, 6) + random.uniform(0, 6, 6)) + random.uniform(-20, 20, 6)
    angles[:, 5] = 50 + angles[:, 5] / 2
    return angles.astype(np.float32)


def write_motion(root: Path, episodes: int = 4, frames: int = 80, columns: int = 6) -> Path:
    """Write what ``read_motion`` needs of a dataset: states and the actions that follow them."""
    motion = [smooth_motion(frames + 1, seed)[:, :columns] for seed in range(episodes)]
    vector = pa.list_(pa.float32(), columns)
    table = pa.table(
        {
            ACTION: pa.array([row.tolist() for angles in motion for row in angles[1:]], vector),
            STATE: pa.array([row.tolist() for angles in motion for row in angles[:-1]], vector),
            "episode_index": np.repeat(np.arange(episodes), frames),
        }
    )
    folder = root / "data" / "chunk-000"
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "file-000.parquet")
    return root


def small_config(*, goal: bool = True, **fields: Any) -> LateFusionConfig:
    """A configuration for two cameras of 64² px that runs in milliseconds."""
    inputs = {image_key(name): PolicyFeature(FeatureType.VISUAL, (3, SIZE, SIZE)) for name in ("front", "wrist")}
    inputs[STATE] = PolicyFeature(FeatureType.STATE, (6,))
    if goal:
        inputs[GOAL] = PolicyFeature(FeatureType.STATE, (5,))
    small: dict[str, Any] = {
        "vision_width": 8,
        "hidden_dim": 64,
        "head_blocks": 1,
        "queries": 4,
        "condition_dim": 32,
        "n_bins": 64,
    }
    return LateFusionConfig(
        device="cpu",
        input_features=inputs,
        output_features={ACTION: PolicyFeature(FeatureType.ACTION, (6,))},
        action_feature_names=[f"{name}.pos" for name in JOINTS],
        **(small | fields),
    )


def small_policy(motion: Path, *, goal: bool = True, **fields: Any) -> LateFusionPolicy:
    """A fitted policy in evaluation mode, with weights that depend on nothing but its configuration."""
    torch.manual_seed(0)
    policy = LateFusionPolicy(small_config(goal=goal, **fields))
    policy.fit(motion)
    return policy.eval()


def small_batch(samples: int = 4, *, goal: bool = True, seed: int = 0) -> dict[str, Any]:
    """A training batch of random frames and smooth motion."""
    random = torch.Generator().manual_seed(seed)
    motion = torch.from_numpy(np.stack([smooth_motion(CHUNK + 1, seed + i) for i in range(samples)]))
    batch: dict[str, Any] = {
        image_key(name): torch.rand(samples, 3, SIZE, SIZE, generator=random) for name in ("front", "wrist")
    }
    batch |= {
        STATE: motion[:, 0],
        ACTION: motion[:, 1:],
        f"{ACTION}_is_pad": torch.zeros(samples, CHUNK, dtype=torch.bool),
        "task": [TEXTS[i % 2] for i in range(samples)],
    }
    if goal:
        batch[GOAL] = torch.tensor([1.0, 0.2, 0.3, 0.4, 0.6]).repeat(samples, 1)
    return batch
