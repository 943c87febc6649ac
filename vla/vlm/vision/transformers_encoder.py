"""Vision transformers of transformers: SigLIP, CLIP, DINO and others that return a sequence of patches."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoImageProcessor, AutoModel, PreTrainedConfig, PreTrainedModel

from vla.errors import ConfigError
from vla.vlm.configuration import VisionConfig
from vla.vlm.vision.base import VisionEncoder


class TransformersEncoder(VisionEncoder):
    """The last hidden state of a vision transformer, without class and register tokens.

    Args:
        config: what to build.
        network: the network, if it exists already.
    """

    def __init__(self, config: VisionConfig, network: PreTrainedModel | None = None) -> None:
        super().__init__()
        backbone = AutoConfig.for_model(**(config.backbone or {}))
        self.network = network or AutoModel.from_config(backbone)
        self.patches = config.grid**2
        resized = config.image_size != backbone.image_size
        accepts = "interpolate_pos_encoding" in inspect.signature(self.network.forward).parameters
        self.options = {"interpolate_pos_encoding": True} if resized and accepts else {}

    def forward(self, images: Tensor) -> Tensor:
        """Return patch features (B, N, D), row by row, of normalised images (B, 3, H, W)."""
        states = self.network(pixel_values=images, **self.options).last_hidden_state  # (B, extra + N, D)
        return states[:, -self.patches :]


def describe(
    backbone: PreTrainedConfig, image_size: int | None, mean: list[float], std: list[float], source: str
) -> VisionConfig:
    """Return the configuration of an encoder on a transformers network.

    Args:
        backbone: the network's configuration.
        image_size: side of the images [px]; None for what the network was made for.
        mean: of each colour channel.
        std: of each colour channel.
        source: what the user asked for.

    Raises:
        ConfigError: the network is no vision transformer, or its patches do not fill the image.
    """
    patch = getattr(backbone, "patch_size", None)
    if not isinstance(patch, int):
        raise ConfigError(f"vision_encoder={source!r} ({backbone.model_type}) has no patch_size: no vision transformer")
    size = image_size or backbone.image_size
    if size < patch or size % patch:
        raise ConfigError(f"image_size={size} is not a multiple of the patches of {patch} px of {source!r}")
    return VisionConfig(
        library="transformers",
        source=source,
        backbone=backbone.to_dict(),
        image_size=size,
        image_mean=mean,
        image_std=std,
        feature_dim=backbone.hidden_size,
        grid=size // patch,
    )


def load_transformers_encoder(name: str, image_size: int | None) -> tuple[VisionConfig, VisionEncoder]:
    """Load a pretrained vision transformer; see ``load_vision_encoder``."""
    try:
        whole = AutoConfig.from_pretrained(name)
        backbone: Any = getattr(whole, "vision_config", whole)
        images: Any = AutoImageProcessor.from_pretrained(name)
        network = AutoModel.from_pretrained(name, config=backbone, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"vision_encoder={name!r} is neither efficientnet_lite0, nor timm/<model>, nor a folder or hub id with a "
            f"vision model and its image processor that can be reached: {error}"
        ) from error
    config = describe(backbone, image_size, list(images.image_mean), list(images.image_std), name)
    return config, TransformersEncoder(config, network).eval()
