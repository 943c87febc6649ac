"""The task's sentence as numbers, for lerobot's policies that read no text but an environment's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from lerobot.configs import FeatureType, PipelineFeatureType, PolicyFeature
from lerobot.processor import EnvTransition, ProcessorStep, ProcessorStepRegistry, TransitionKey

from vla.data.features import ENVIRONMENT_STATE, TASK, TASK_EMBEDDING
from vla.data.sentences import shared_text_encoder
from vla.errors import ConfigError


@ProcessorStepRegistry.register(TASK_EMBEDDING)
@dataclass
class TaskEmbedding(ProcessorStep):
    """Adds the embedding (B, d) of each sample's sentence as ``observation.environment_state``.

    It is saved with a policy's preprocessor, so that lerobot's own programs feed the policy alike.

    Args:
        text_encoder: see :class:`vla.data.sentences.TextEncoder`.
    """

    text_encoder: str

    @property
    def feature(self) -> dict[str, PolicyFeature]:
        """The input that it makes, by name."""
        size = shared_text_encoder(self.text_encoder)([""]).shape[1]
        return {ENVIRONMENT_STATE: PolicyFeature(FeatureType.ENV, (size,))}

    def __call__(self, transition: EnvTransition) -> EnvTransition:
        """Return the transition with the embedding.

        Raises:
            ConfigError: there is no sentence.
        """
        tasks = (transition.get(TransitionKey.COMPLEMENTARY_DATA) or {}).get(TASK)
        if tasks is None:
            raise ConfigError(f"this policy reads the column {TASK!r}, and a batch has none")
        embedding = shared_text_encoder(self.text_encoder)([tasks] if isinstance(tasks, str) else list(tasks))
        seen = {**(transition.get(TransitionKey.OBSERVATION) or {}), ENVIRONMENT_STATE: embedding}
        return cast(EnvTransition, {**transition, TransitionKey.OBSERVATION: seen})

    def get_config(self) -> dict[str, Any]:
        """Return what is saved."""
        return {"text_encoder": self.text_encoder}

    def transform_features(
        self, features: dict[PipelineFeatureType, dict[str, PolicyFeature]]
    ) -> dict[PipelineFeatureType, dict[str, PolicyFeature]]:
        """Return the features with the one that it adds."""
        observation = PipelineFeatureType.OBSERVATION
        return features | {observation: features.get(observation, {}) | self.feature}
