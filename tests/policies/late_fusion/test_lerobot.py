"""The policy through lerobot's own machinery."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lerobot.configs import PreTrainedConfig
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from lerobot.optim.factory import make_optimizer_and_scheduler
from lerobot.policies.factory import get_policy_class, make_policy, make_policy_config, make_pre_post_processors
from torch.utils.data import default_collate

import lerobot_policy_vla  # noqa: F401  (registers the policy)
from policies.late_fusion.modeling_late_fusion import LateFusionPolicy
from tests.policies.helpers import JOINTS, SIZE, TEXTS, smooth_motion
from vla.data.features import ACTION, GOAL, STATE, SUBGOAL_INDEX, dataset_features, image_key

FIELDS: dict[str, Any] = {"vision_width": 8, "hidden_dim": 64, "head_blocks": 1, "device": "cpu", "push_to_hub": False}


@pytest.fixture(scope="module")
def dataset_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lerobot") / "dataset"
    features = dataset_features(JOINTS, ["front", "wrist"], (SIZE, SIZE), video=False)
    dataset = LeRobotDataset.create("test/motion", 30, features, root=root, use_videos=False)
    random = np.random.default_rng(0)
    for episode in range(2):
        angles = smooth_motion(31, episode)
        for frame in range(30):
            images = {
                image_key(name): random.integers(0, 255, (SIZE, SIZE, 3), np.uint8) for name in ("front", "wrist")
            }
            goal = np.array([1, 0.2, 0.2, 0.4, 0.5], np.float32)
            row = {STATE: angles[frame], ACTION: angles[frame + 1], GOAL: goal, "task": TEXTS[frame // 15]}
            subgoal = {SUBGOAL_INDEX: np.array([frame // 15], np.int64)}
            dataset.add_frame({**images, **row, **subgoal})
        dataset.save_episode()
    dataset.finalize()
    return root


@pytest.fixture(scope="module")
def dataset(dataset_folder: Path) -> LeRobotDataset:
    chunk = {ACTION: [step / 30 for step in range(16)]}
    return LeRobotDataset("test/motion", root=dataset_folder, delta_timestamps=chunk)


def make_processors(config: Any, dataset: LeRobotDataset) -> tuple[Any, Any]:
    stats: Any = dataset.meta.stats
    return make_pre_post_processors(config, dataset_stats=stats)


def raw_batch(dataset: LeRobotDataset) -> dict[str, Any]:
    return default_collate([dataset[i] for i in (0, 10, 25, 40)])


def test_factory_finds_class_and_processors_by_name() -> None:
    assert get_policy_class("late_fusion").__name__ == "LateFusionPolicy"
    config = make_policy_config("late_fusion", device="cpu")
    assert config.type == "late_fusion"
    assert config.action_delta_indices == list(range(16))


def test_policy_from_dataset_metadata_trains(dataset: LeRobotDataset) -> None:
    config = make_policy_config("late_fusion", **FIELDS)
    policy = make_policy(config, ds_meta=dataset.meta)
    assert isinstance(policy, LateFusionPolicy)
    preprocess, postprocess = make_processors(config, dataset)
    batch = preprocess(raw_batch(dataset))
    loss, _ = policy(batch)
    loss.backward()
    assert loss.isfinite()
    assert policy.network.actions.relative.tolist() == [1, 1, 1, 1, 1, 0]
    actions = postprocess(policy.predict_action_chunk(batch))
    assert actions.shape == (4, 16, 6)


def test_processors_leave_numbers_alone(dataset: LeRobotDataset) -> None:
    config = make_policy_config("late_fusion", **FIELDS)
    make_policy(config, ds_meta=dataset.meta)
    preprocess, postprocess = make_processors(config, dataset)
    raw = raw_batch(dataset)
    batch = preprocess(raw)
    for key in (STATE, GOAL, ACTION, image_key("front")):
        assert torch.equal(batch[key], raw[key]), key
    assert batch["task"] == raw["task"]
    assert torch.equal(postprocess(raw[ACTION]), raw[ACTION])


def test_checkpoint_through_the_factory_predicts_the_same(dataset: LeRobotDataset, tmp_path: Path) -> None:
    config = make_policy_config("late_fusion", **FIELDS)
    policy = make_policy(config, ds_meta=dataset.meta).eval()
    preprocess, postprocess = make_processors(config, dataset)
    policy.save_pretrained(tmp_path)
    preprocess.save_pretrained(tmp_path)
    postprocess.save_pretrained(tmp_path)

    loaded_config = PreTrainedConfig.from_pretrained(tmp_path)
    loaded_config.pretrained_path = tmp_path
    restored = make_policy(loaded_config, ds_meta=dataset.meta).eval()
    loaded_preprocess, loaded_postprocess = make_pre_post_processors(loaded_config, pretrained_path=str(tmp_path))
    expected = postprocess(policy.predict_action_chunk(preprocess(raw_batch(dataset))))
    found = loaded_postprocess(restored.predict_action_chunk(loaded_preprocess(raw_batch(dataset))))
    assert torch.equal(found, expected)


def test_one_observation_without_batch_dimension(dataset: LeRobotDataset) -> None:
    config = make_policy_config("late_fusion", **FIELDS)
    policy = make_policy(config, ds_meta=dataset.meta).eval()
    preprocess, postprocess = make_processors(config, dataset)
    first: Any = dataset[0]
    item = {key: first[key] for key in (STATE, GOAL, image_key("front"), image_key("wrist"), "task")}
    action = postprocess(policy.select_action(preprocess(item)))
    assert action.shape == (1, 6)


def test_presets_build_with_lerobots_factory(dataset: LeRobotDataset) -> None:
    from types import SimpleNamespace

    config = make_policy_config("late_fusion", **FIELDS)
    policy = make_policy(config, ds_meta=dataset.meta)
    settings = SimpleNamespace(
        use_policy_training_preset=True,
        optimizer=config.get_optimizer_preset(),
        scheduler=config.get_scheduler_preset(),
        trainable_config=config,
        is_reward_model_training=False,
        policy=config,
        steps=100,
    )
    optimizer, scheduler = make_optimizer_and_scheduler(settings, policy)  # type: ignore[arg-type]
    assert scheduler is not None
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert max(rates) == pytest.approx(4e-4, rel=0.01)
    assert rates[-1] < 1e-5


@pytest.mark.slow
def test_lerobot_train_runs_with_nothing_of_ours_but_the_plugin(dataset_folder: Path, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "lerobot.scripts.lerobot_train"),
        *("--policy.type=late_fusion", "--policy.device=cpu", "--policy.push_to_hub=false"),
        *("--policy.vision_width=8", "--policy.hidden_dim=64", "--dataset.repo_id=test/motion"),
        *(f"--dataset.root={dataset_folder}", f"--output_dir={tmp_path / 'run'}", "--steps=2", "--batch_size=4"),
        *("--num_workers=0", "--wandb.enable=false", "--save_freq=2", "--log_freq=1"),
    ]
    offline = os.environ | {"HF_HUB_OFFLINE": "1"}
    result = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, env=offline)
    assert result.returncode == 0, result.stderr[-2000:]
    saved = tmp_path / "run" / "checkpoints" / "last" / "pretrained_model"
    assert LateFusionPolicy.from_pretrained(saved).network.actions.fitted
