from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.vla.data.synthetic import random_episode
from vla.data.episodes import image_stats, load_shard, save_shard
from vla.data.video import decode_video
from vla.errors import DatasetError


def test_shard_round_trip(tmp_path: Path):
    episode = random_episode(3, frames=12, size=64)
    save_shard(tmp_path / "a/episode.npz", episode, fps=30)
    shard = load_shard(tmp_path / "a/episode.npz")
    assert shard.info == episode.info and list(shard.subgoals) == list(episode.subgoals)
    for name in ("state", "goal", "action", "subgoal_index"):
        np.testing.assert_array_equal(getattr(shard, name), getattr(episode, name))
    for camera, frames in episode.images.items():
        decoded = decode_video(shard.videos[camera])
        assert decoded.shape == frames.shape
        error = decoded.astype(float) - frames
        assert 20 * np.log10(255 / np.sqrt((error**2).mean())) > 34  # [dB]
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["episode.npz"]


def test_same_episode_gives_the_same_bytes(tmp_path: Path):
    for name in ("a", "b"):
        save_shard(tmp_path / name, random_episode(1, frames=6, size=64), fps=30)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_damaged_shard_is_named(tmp_path: Path):
    path = tmp_path / "episode.npz"
    save_shard(path, random_episode(0, frames=4, size=64), fps=30)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DatasetError, match=r"episode\.npz cannot be read"):
        load_shard(path)


def test_columns_must_have_one_length():
    episode = random_episode(0, frames=4, size=64)
    with pytest.raises(DatasetError, match="'action': 3"):
        replace(episode, action=episode.action[:-1])


def test_image_stats_are_lerobots_for_a_plain_frame():
    frames = np.full((5, 16, 16, 3), (0, 51, 255), np.uint8)
    stats = image_stats(frames)
    np.testing.assert_allclose(stats["mean"].ravel(), [0, 0.2, 1])
    assert stats["mean"].shape == (3, 1, 1) and stats["count"].shape == (1,)
