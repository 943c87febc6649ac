from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lerobot.datasets.dataset_tools import delete_episodes, merge_datasets
from lerobot.datasets.lerobot_dataset import LeRobotDataset

from tests.vla.data.synthetic import JOINTS, random_episode
from vla.data import writer
from vla.data.episodes import save_shard
from vla.data.writer import assemble, episode_infos
from vla.errors import DatasetError


@pytest.fixture(scope="module")
def dataset(dataset_folder: Path) -> Any:
    return LeRobotDataset("local/walk", root=dataset_folder, return_uint8=True)


def original(index: int):
    return random_episode(index, 14 + index % 5, 64)


def check_episode(dataset: Any, index: int, seed: int) -> None:
    episode = original(seed)
    row = dataset.meta.episodes[index]
    assert row["length"] == len(episode.state)
    for offset in (0, len(episode.state) - 1):
        item = dataset[row["dataset_from_index"] + offset]
        assert item["task"] == episode.subgoals[offset]
        assert item["subgoal_index"] == episode.subgoal_index[offset]
        np.testing.assert_array_equal(item["observation.state"], episode.state[offset])
        np.testing.assert_array_equal(item["observation.goal"], episode.goal[offset])
        np.testing.assert_array_equal(item["action"], episode.action[offset])
        for camera in episode.images:
            frame = np.asarray(item[f"observation.images.{camera}"], float)
            if frame.max() <= 1:
                frame = frame * 255
            assert np.abs(frame.transpose(1, 2, 0) - episode.images[camera][offset]).mean() < 4


def test_lerobot_reads_what_was_written(dataset: Any):
    assert dataset.num_episodes == 6 and dataset.fps == 30 and dataset.meta.robot_type == "so101_follower"
    for index in range(6):
        check_episode(dataset, index, index)
    assert [info.seed for info in episode_infos(dataset.meta)] == list(range(6))
    assert dataset.meta.episodes[2]["instruction"] == original(2).info.instruction
    states = np.concatenate([original(index).state for index in range(6)])
    np.testing.assert_allclose(dataset.meta.stats["observation.state"]["mean"], states.mean(0), atol=1e-4)


def test_episodes_can_be_filtered_by_what_was_added(dataset_folder: Path):
    chosen = LeRobotDataset("local/walk", root=dataset_folder, episode_filter=lambda row: row["seed"] >= 4)
    assert chosen.episodes == [4, 5]


def test_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writer, "MAX_FILE_FRAMES", 30)
    paths = []
    for index in range(5):
        paths.append(tmp_path / f"{index}.npz")
        save_shard(paths[-1], original(index), 30)
    counts: list[int] = []
    assemble(paths, tmp_path / "set", joint_names=JOINTS, fps=30, robot_type="so101", progress=counts.append)
    assert counts == [1, 2, 3, 4, 5]
    assert len(list((tmp_path / "set").glob("videos/*/chunk-000/*.mp4"))) == 4
    dataset = LeRobotDataset("local/set", root=tmp_path / "set")
    for index in range(5):
        check_episode(dataset, index, index)


@pytest.mark.slow
def test_lerobots_editing_tools_work(dataset: Any, tmp_path: Path):
    rest = delete_episodes(dataset, [0, 3], output_dir=tmp_path / "rest", repo_id="local/rest")
    for index, seed in enumerate([1, 2, 4, 5]):
        check_episode(rest, index, seed)
    with pytest.raises(DatasetError, match="has no episode columns instruction"):
        episode_infos(rest.meta)
    both = merge_datasets([dataset, dataset], output_repo_id="local/both", output_dir=tmp_path / "both")
    check_episode(both, 7, 1)
    assert episode_infos(both.meta)[7].seed == 1


def test_refusals(tmp_path: Path, dataset_folder: Path):
    arguments: dict[str, Any] = {"joint_names": JOINTS, "fps": 30, "robot_type": "so101"}
    with pytest.raises(DatasetError, match="exists"):
        assemble([Path("x")], dataset_folder, **arguments)
    with pytest.raises(DatasetError, match="no episodes"):
        assemble([], tmp_path / "set", **arguments)
    save_shard(tmp_path / "a.npz", random_episode(0, 6, 64), 30)
    save_shard(tmp_path / "b.npz", random_episode(0, 6, 64, cameras=("front",)), 30)
    with pytest.raises(DatasetError, match=r"b\.npz has cameras \['front'\]"):
        assemble([tmp_path / "a.npz", tmp_path / "b.npz"], tmp_path / "set", **arguments)
    with pytest.raises(DatasetError, match="5 joint names for a state of 6"):
        assemble([tmp_path / "a.npz"], tmp_path / "set", **{**arguments, "joint_names": JOINTS[:5]})
    assert not (tmp_path / "set").exists()
