"""A dataset that is laid out unlike ours: one camera of another name, stored images, nameless numbers, more columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

FPS, EPISODES, FRAMES = 15, 3, 12
CAMERA = "observation.image"


def write_foreign(root: Path) -> Path:
    """Write a dataset of three actions, two states, a reward and a flag a frame."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    features: dict[str, dict[str, Any]] = {
        CAMERA: {"dtype": "image", "shape": (40, 56, 3), "names": ["height", "width", "channel"]},
        "observation.state": {"dtype": "float32", "shape": (2,), "names": None},
        "observation.effort": {"dtype": "float32", "shape": (4,), "names": None},
        "action": {"dtype": "float32", "shape": (3,), "names": None},
        "next.reward": {"dtype": "float32", "shape": (1,), "names": None},
        "next.done": {"dtype": "bool", "shape": (1,), "names": None},
    }
    dataset = LeRobotDataset.create("somebody/else", FPS, features, root=root, robot_type=None, use_videos=False)
    rng = np.random.default_rng(0)
    for _ in range(EPISODES):
        motion = np.cumsum(rng.normal(0, 0.1, (FRAMES, 3)), axis=0).astype(np.float32)
        for frame in range(FRAMES):
            dataset.add_frame(
                {
                    CAMERA: rng.integers(0, 255, (40, 56, 3), np.uint8),
                    "observation.state": motion[frame, :2],
                    "observation.effort": np.ones(4, np.float32),
                    "action": motion[frame],
                    "next.reward": np.array([frame / FRAMES], np.float32),
                    "next.done": np.array([frame == FRAMES - 1]),
                    "task": "slide the block",
                }
            )
        dataset.save_episode()
    dataset.finalize()
    return root
