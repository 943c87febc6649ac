"""Pre- and post-processing, found by lerobot's factory by name."""

from __future__ import annotations

from typing import Any

from lerobot.processor import PolicyProcessorPipeline, make_default_pre_post_processors
from torch import Tensor

from policies.late_fusion.configuration_late_fusion import LateFusionConfig


def make_late_fusion_pre_post_processors(
    config: LateFusionConfig, dataset_stats: dict[str, dict[str, Tensor]] | None = None
) -> tuple[PolicyProcessorPipeline[dict[str, Any], dict[str, Any]], PolicyProcessorPipeline[Any, Any]]:
    """Return lerobot's default pipelines: batch dimension and device; normalisation is the identity.

    The policy takes states and emits absolute actions in the dataset's own units.
    """
    return make_default_pre_post_processors(config, dataset_stats)
