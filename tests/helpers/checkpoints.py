"""Small untrained lerobot policies on disk."""

from pathlib import Path
from typing import Any

import torch
from lerobot.configs import FeatureType, NormalizationMode, PolicyFeature
from lerobot.policies.factory import get_policy_class, make_policy_config, make_pre_post_processors

MEAN, STD = torch.tensor([10.0, -20.0]), torch.tensor([2.0, 5.0])
SMALL_ACT = {"dim_model": 32, "n_heads": 2, "dim_feedforward": 32, "n_encoder_layers": 1, "n_vae_encoder_layers": 1}


def save_checkpoint(folder: Path, policy_type: str, size: int = 64, **options: Any) -> Path:
    """Save a policy for two joints and a front camera of ``size`` pixels, as `lerobot-train` would."""
    inputs = {
        "observation.images.front": PolicyFeature(FeatureType.VISUAL, (3, size, size)),
        "observation.state": PolicyFeature(FeatureType.STATE, (2,)),
    }
    config = make_policy_config(
        policy_type,
        input_features=inputs,
        output_features={"action": PolicyFeature(FeatureType.ACTION, (2,))},
        normalization_mapping={
            "VISUAL": NormalizationMode.IDENTITY,
            "STATE": NormalizationMode.MEAN_STD,
            "ACTION": NormalizationMode.MEAN_STD,
        },
        device="cpu",
        push_to_hub=False,
        pretrained_backbone_weights=None,
        **options,
    )
    stats = {"observation.state": {"mean": MEAN, "std": STD}, "action": {"mean": MEAN, "std": STD}}
    torch.manual_seed(0)
    get_policy_class(policy_type)(config).save_pretrained(folder)
    for processor in make_pre_post_processors(config, dataset_stats=stats):
        processor.save_pretrained(folder)
    return folder
