"""Small made-up episodes: coloured blobs on a random walk that follow the joints."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from vla.data.episodes import Episode, EpisodeInfo
from vla.data.writer import write_dataset

JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
TEXTS = ("pick up the red cube", "place the red cube in the bowl", "press the button")
COLOURS = ((220, 40, 40), (40, 200, 60), (50, 60, 220))


def random_episode(
    seed: int, frames: int = 30, size: int = 128, cameras: tuple[str, ...] = ("front", "wrist")
) -> Episode:
    """Return an episode of ``frames`` frames with one or two subgoals."""
    rng = np.random.default_rng(seed)
    state = np.cumsum(rng.normal(0, 1, (frames, 6)), axis=0).astype(np.float32)
    half = frames // 2
    texts = [TEXTS[seed % 3]] * half + [TEXTS[(seed + 1) % 3]] * (frames - half)
    goal = np.tile(np.array([1, 0.2, 0.3, 0.5, 0.6], np.float32), (frames, 1))
    return Episode(
        info=EpisodeInfo(f"do {texts[0]} and more", seed, "synthetic", "walk"),
        images={camera: _draw(rng, state, size) for camera in cameras},
        state=state,
        goal=goal,
        action=state + 0.5,
        subgoals=texts,
        subgoal_index=np.array([0] * half + [1] * (frames - half)),
    )


def random_dataset(output: Path, episodes: int = 6, frames: int = 30, size: int = 128) -> Path:
    """Write episodes of slightly different lengths and return the folder."""
    write_dataset(
        (random_episode(seed, frames + seed % 5, size) for seed in range(episodes)),
        output,
        joint_names=JOINTS,
        fps=30,
        robot_type="so101_follower",
    )
    return output


def _draw(rng: np.random.Generator, state: np.ndarray, size: int) -> np.ndarray:
    table = cv2.resize(rng.integers(90, 150, (16, 16, 3), dtype=np.uint8), (size, size))
    frames = np.repeat(table[None], len(state), axis=0)
    for frame, joints in zip(frames, state, strict=True):
        for colour, (x, y) in zip(COLOURS, joints.reshape(3, 2), strict=True):
            centre = (int(size / 2 + 3 * x) % size, int(size / 2 + 3 * y) % size)
            cv2.circle(frame, centre, size // 12, colour, -1)
    return frames
