"""What lerobot's policies are given beside a dataset's columns: the sentence as numbers, and smaller frames."""

from __future__ import annotations

from lerobot.configs.policies import PreTrainedConfig
from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata
from lerobot.processor import DeviceProcessorStep, ImageCropResizeProcessorStep, PolicyProcessorPipeline
from lerobot.utils.feature_utils import dataset_to_policy_features

from vla.data.features import ACTION
from vla.data.task_embedding import TaskEmbedding
from vla.errors import ConfigError, UnknownNameError

TAKE_NUMBERS = ("act", "diffusion", "vqbet")
"""Types of policies that look at ``observation.environment_state``."""


def add_inputs(policy: PreTrainedConfig, meta: LeRobotDatasetMetadata, text_input: str | None) -> None:
    """Set a policy's inputs where they are more than the dataset's columns.

    Args:
        policy: configuration to complete.
        meta: of the dataset.
        text_input: sentence encoder; None changes nothing.

    Raises:
        UnknownNameError: policies of this type do not look at such an input.
    """
    if text_input is None:
        return
    if policy.type not in TAKE_NUMBERS:
        raise UnknownNameError("policy type for text_input=", policy.type, TAKE_NUMBERS)
    columns = dataset_to_policy_features(meta.features)
    policy.input_features = {
        **{name: feature for name, feature in columns.items() if not name.startswith(ACTION)},
        **TaskEmbedding(text_input).feature,
    }


def add_steps(
    preprocessor: PolicyProcessorPipeline, policy: PreTrainedConfig, text_input: str | None, frame_size: int | None
) -> None:
    """Let a new policy's preprocessor make its inputs; they are saved with it.

    Args:
        preprocessor: changed in place.
        policy: what it belongs to.
        text_input: sentence encoder, or None.
        frame_size: side of the square that frames are resized to [px], or None.

    Raises:
        ConfigError: the policy resizes frames itself.
    """
    steps = []
    if text_input is not None:
        steps.append(TaskEmbedding(text_input))
    if frame_size is not None:
        if hasattr(policy, "image_size"):
            raise ConfigError(f"frame_size={frame_size}: {policy.type} resizes by itself, give policy.image_size=")
        steps.append(ImageCropResizeProcessorStep(resize_size=(frame_size, frame_size)))
    present = list(preprocessor.steps)
    device = next((i for i, step in enumerate(present) if isinstance(step, DeviceProcessorStep)), len(present))
    preprocessor.steps = [*present[:device], *steps, *present[device:]]
