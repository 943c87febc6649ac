"""A batch as lerobot passes it on, checked and unpacked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from policies.late_fusion.configuration_late_fusion import LateFusionConfig
from vla.data.features import GOAL, STATE, TASK
from vla.errors import ConfigError, MissingModalityError
from vla.types import GOAL_DIM


@dataclass(frozen=True)
class Inputs:
    """What the policy looks at, ``B`` samples of it."""

    frames: dict[str, Tensor]
    """Dataset column -> frames (B, 3, H, W), uint8 or float in [0, 1]."""
    states: Tensor
    """(B, m)"""
    goals: Tensor
    """(B, 5); zero when the policy has no goal input."""
    texts: list[str]
    """Subgoals (B); empty when the policy has no text input."""


def unpack(batch: Mapping[str, Any], config: LateFusionConfig) -> Inputs:
    """Take the policy's modalities out of a batch; frames of another size are brought to that of the training data.

    Raises:
        MissingModalityError: one that the policy was built with is not there.
        ConfigError: frames have another shape than those of the training data.
    """
    required = [*config.image_features, STATE]
    required += [GOAL] if config.has_goal else []
    required += [TASK] if config.use_text else []
    if missing := [key for key in required if batch.get(key) is None]:
        raise MissingModalityError(missing, [key for key in batch if batch[key] is not None])
    states = batch[STATE]
    goals = batch[GOAL] if config.has_goal else states.new_zeros(len(states), GOAL_DIM)
    texts: list[str] = []
    if config.use_text:
        texts = [batch[TASK]] * len(states) if isinstance(batch[TASK], str) else list(batch[TASK])
    frames = {key: _fitted(key, batch[key], feature.shape) for key, feature in config.image_features.items()}
    goals = goals.reshape(len(states), GOAL_DIM)  # lerobot gives a single observation's goal no batch dimension
    return Inputs(frames, states.to(torch.float32), goals.to(torch.float32), texts)


def _fitted(key: str, frames: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return frames (B, 3, H, W) in the size of ``shape`` (3, H, W), averaged down or interpolated."""
    (height, width), (found_height, found_width) = shape[-2:], frames.shape[-2:]
    if (found_height, found_width) == (height, width):
        return frames
    if found_height * width != found_width * height:
        raise ConfigError(f"{key} is {found_height} x {found_width} px, the policy was trained on {height} x {width}")
    resized = functional.interpolate(frames.float(), (height, width), mode="area")
    return resized.round().to(torch.uint8) if frames.dtype == torch.uint8 else resized
