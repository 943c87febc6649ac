from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from policies.late_fusion import augmentation
from policies.late_fusion.actions import relative_mask
from policies.late_fusion.inputs import unpack
from policies.late_fusion.modeling_late_fusion import LateFusionPolicy
from policies.late_fusion.network import LateFusionNetwork
from tests.policies.helpers import small_batch, small_policy
from vla.data.features import GOAL, image_key

CPU = torch.device("cpu")


def blob(x: int, y: int, size: int = 32) -> torch.Tensor:
    frame = torch.zeros(1, 3, size, size)
    frame[..., y, x] = 1
    return frame


def test_shift_reports_where_the_content_went() -> None:
    torch.manual_seed(0)
    frames = blob(16, 12).repeat(50, 1, 1, 1)
    moved, displacement = augmentation.random_shift(frames, 4)
    assert moved.shape == frames.shape
    found = moved[:, 0].flatten(1).argmax(1)
    expected = (12 + 32 * displacement[:, 1]) * 32 + 16 + 32 * displacement[:, 0]
    torch.testing.assert_close(found.float(), expected)
    assert displacement.abs().max() == 4 / 32


def test_shift_of_nothing_is_the_identity() -> None:
    frames = torch.rand(3, 3, 16, 16)
    moved, displacement = augmentation.random_shift(frames, 0)
    assert torch.equal(moved, frames)
    assert not displacement.any()


def seen(batch: dict[str, Any], policy: LateFusionPolicy) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    inputs = unpack(batch, policy.config)
    return inputs.frames, inputs.goals, inputs.states


def test_goal_moves_with_its_camera(motion: Path) -> None:
    policy = small_policy(motion, goal_jitter=0.0, goal_dropout=0.0, brightness=0.0, contrast=0.0, colour=0.0).train()
    batch = small_batch(20)
    batch[image_key("front")] = blob(19, 29, 64).repeat(20, 1, 1, 1)  # centre of the goal box, [0.3, 0.45]
    views, goal, _ = policy.network._views(*seen(batch, policy))
    pixel = views["front"][:, 0].flatten(1).argmax(1)
    center = (goal[:, 1:3] + goal[:, 3:5]) / 2 * 64
    torch.testing.assert_close((pixel % 64).float() + 0.5, center[:, 0], atol=0.5, rtol=0)
    torch.testing.assert_close((pixel // 64).float() + 0.5, center[:, 1], atol=0.8, rtol=0)
    assert len(set(pixel.tolist())) > 5


def test_absent_goals_stay_zero() -> None:
    absent = torch.zeros(4, 5)
    assert not augmentation.jitter_goal(absent, 0.1).any()
    assert not augmentation.move_goal(absent, torch.full((4, 2), 0.1)).any()


def test_jitter_moves_boxes_a_little_and_keeps_them_in_the_frame() -> None:
    goal = torch.tensor([[1.0, 0.0, 0.4, 0.2, 0.6]]).repeat(500, 1)
    jittered = augmentation.jitter_goal(goal, 0.02)
    assert (jittered[:, 0] == 1).all()
    assert (jittered[:, 1:3] <= jittered[:, 3:5]).all()
    assert jittered.min() >= 0
    assert jittered.max() <= 1
    centers = (jittered[:, 2] + jittered[:, 4]) / 2
    assert 0.015 < centers.std() < 0.025


def test_goal_dropout_removes_the_whole_box(motion: Path) -> None:
    policy = small_policy(motion, goal_dropout=0.5, goal_jitter=0.0, shift_pixels=0).train()
    batch = small_batch(64)
    _, goal, _ = policy.network._views(*seen(batch, policy))
    dropped = (goal == 0).all(1)
    assert 15 < dropped.sum() < 49
    torch.testing.assert_close(goal[~dropped], batch[GOAL][~dropped])


def test_goals_are_left_alone_in_evaluation(motion: Path) -> None:
    policy = small_policy(motion, goal_dropout=1.0).eval()
    batch = small_batch()
    _, goal, _ = policy.network._views(*seen(batch, policy))
    assert torch.equal(goal, batch[GOAL])


def test_dropped_cameras_are_replaced_by_what_was_learned(motion: Path) -> None:
    network: LateFusionNetwork = small_policy(motion, camera_dropout=0.5).network.train()
    network.dropped_view["wrist"].data.fill_(7.0)
    frames, condition = torch.rand(64, 3, 64, 64), torch.randn(64, network.config.condition_dim)
    summary = network._summary("wrist", frames, condition, torch.ones(64, 1))
    dropped = (summary == 7).all(1)
    assert 15 < dropped.sum() < 49
    summary.sum().backward()
    assert network.dropped_view["wrist"].grad is not None
    assert torch.all(network.dropped_view["wrist"].grad == dropped.sum())
    assert not (network.eval()._summary("wrist", frames, condition, None) == 7).all(1).any()


def test_samples_without_vision_depend_on_the_rest_alone(motion: Path) -> None:
    network = small_policy(motion, vision_dropout=1.0, state_noise=0.0, dropout=0.0, camera_dropout=0.0).network
    batch = small_batch()
    others = batch | {key: 1 - batch[key] for key in batch if "images" in key}
    inputs, changed = unpack(batch, network.config), unpack(others, network.config)
    assert not torch.equal(network.eval()(inputs), network(changed))
    network.config.goal_jitter = network.config.goal_dropout = network.config.text_dropout = 0.0
    network.config.state_dropout, network.config.shift_pixels = 0.0, 0
    assert torch.equal(network.train()(inputs), network(changed))


def test_evaluation_is_deterministic_and_training_is_not(motion: Path) -> None:
    policy = small_policy(motion)
    inputs = unpack(small_batch(), policy.config)
    assert torch.equal(policy.network.eval()(inputs), policy.network(inputs))
    assert not torch.equal(policy.network.train()(inputs), policy.network(inputs))


def test_which_dimensions_are_relative() -> None:
    names = ["pan.pos", "Gripper.pos", "extra"]
    assert relative_mask(True, ["gripper"], names, state_dim=2, action_dim=3) == [True, False, False]
    assert relative_mask(False, [], names, state_dim=3, action_dim=3) == [False] * 3
    assert relative_mask(True, ["gripper"], None, state_dim=3, action_dim=3) == [True] * 3
