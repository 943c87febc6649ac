"""A batch as lerobot passes it on, checked and unpacked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from policies.late_fusion.configuration_late_fusion import LateFusionConfig
from vla.data.features import GOAL, STATE, TASK
from vla.errors import MissingModalityError
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
    """Take the policy's modalities out of a batch.

    Raises:
        MissingModalityError: one that the policy was built with is not there.
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
    frames = {key: batch[key] for key in config.image_features}
    goals = goals.reshape(len(states), GOAL_DIM)  # lerobot gives a single observation's goal no batch dimension
    return Inputs(frames, states.to(torch.float32), goals.to(torch.float32), texts)
