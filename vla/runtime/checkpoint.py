"""Folders that hold a lerobot policy: where they are, and what the policy in them takes and gives."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vla.data.features import ACTION, ENVIRONMENT_STATE, GOAL, IMAGES, STATE, TASK_EMBEDDING, image_key
from vla.errors import CheckpointError
from vla.types import Observation, Subgoal, goal_vector

CONFIG = "config.json"
PREPROCESSOR = "policy_preprocessor.json"
POSTPROCESSOR = "policy_postprocessor.json"
INSIDE_A_RUN = ("", "pretrained_model", "checkpoints/last/pretrained_model")
"""Where a training run's folder keeps the policy, seen from the levels of it that a user may name."""


@dataclass(frozen=True)
class Interface:
    """What a policy takes from a robot, under lerobot's names, and what it gives."""

    inputs: dict[str, tuple[int, ...]]
    """Name -> shape; frames are (3, H, W)."""
    action_dim: int

    def check(self, offered: Mapping[str, np.ndarray]) -> None:
        """Make sure that all it takes is there.

        Args:
            offered: see ``offer``.

        Raises:
            CheckpointError: it wants a camera, frame size or state that the robot lacks.
        """
        for key, shape in self.inputs.items():
            if key not in offered:
                raise CheckpointError(f"the policy wants {key}; the robot offers {', '.join(sorted(offered))}")
            actual = offered[key].shape
            if key.startswith(IMAGES):
                actual = (actual[2], *actual[:2])
            if actual != shape:
                raise CheckpointError(f"the policy wants {key} of shape {shape}; the robot's is {actual}")
        if self.action_dim != len(offered[STATE]):
            raise CheckpointError(f"the policy moves {self.action_dim} joints; the robot has {len(offered[STATE])}")


def read_interface(config: Any, folder: Path) -> Interface:
    """Return what the policy in a folder takes and gives.

    Args:
        config: its configuration.
        folder: where its preprocessor is, which may make inputs by itself.
    """
    names = {step.get("registry_name") for step in json.loads((folder / PREPROCESSOR).read_text())["steps"]}
    made = {ENVIRONMENT_STATE} if TASK_EMBEDDING in names else set()
    features = config.input_features or {}
    inputs = {key: tuple(feature.shape) for key, feature in features.items() if key not in made}
    return Interface(inputs, int(config.output_features[ACTION].shape[0]))


def offer(observation: Observation, subgoal: Subgoal) -> dict[str, np.ndarray]:
    """Return what there is for a policy, under lerobot's names."""
    offered: dict[str, np.ndarray] = {image_key(name): frame for name, frame in observation.images.items()}
    return offered | {STATE: observation.state, GOAL: goal_vector(subgoal)}


def check_robot(path: str, observation: Observation) -> None:
    """Make sure that a checkpoint fits a robot, from its configuration alone, without loading weights.

    Args:
        path: see ``load_policy``.
        observation: what the robot senses, frames included.

    Raises:
        CheckpointError: there is no such checkpoint, or it wants a camera, frame size or state that the robot lacks.
    """
    from lerobot.configs import PreTrainedConfig
    from lerobot.utils.import_utils import register_third_party_plugins

    register_third_party_plugins()
    folder = find_checkpoint(path)
    interface = read_interface(PreTrainedConfig.from_pretrained(folder), folder)
    interface.check(offer(observation, Subgoal("", "", "")))


def find_checkpoint(path: str) -> Path:
    """Return the local folder of a checkpoint, after downloading it if ``path`` is a hub id.

    Raises:
        CheckpointError: there is no such folder or hub id, or files are missing in it.
    """
    root = Path(path).expanduser()
    if not root.exists():
        root = _download(path)
    for inside in INSIDE_A_RUN:
        if (root / inside / CONFIG).is_file():
            folder = root / inside
            break
    else:
        raise CheckpointError(f"no policy in {path}: there is no {CONFIG}, and no checkpoints/last/ either")
    if missing := [name for name in (PREPROCESSOR, POSTPROCESSOR) if not (folder / name).is_file()]:
        raise CheckpointError(f"the checkpoint {folder} lacks {' and '.join(missing)}")
    return folder


def _download(path: str) -> Path:
    """Fetch a hub id; a path below an existing folder is no hub id."""
    parent = Path(path).parent
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", path) or path.startswith(".") or parent.exists():
        raise CheckpointError(f"no such checkpoint folder: {path}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(path))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise CheckpointError(f"no such checkpoint folder, and not found on the hub either: {path}") from error
