"""Networks of timm: convolutional ones and transformers alike, through their feature maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from vla.errors import ConfigError
from vla.vlm.configuration import VisionConfig
from vla.vlm.vision.base import VisionEncoder

FINEST_STRIDE = 16
"""The finest feature map that is used by default [px a cell]."""


class TimmEncoder(VisionEncoder):
    """Feature maps of a timm network, the coarser ones enlarged to the finest and stacked on it.

    Batch normalisation keeps its pretrained statistics: batches of demonstrations are small and alike.

    Args:
        config: what to build.
        network: the network, if it exists already.

    Raises:
        ConfigError: timm has no such network, or it holds values that a checkpoint would not restore.
    """

    def __init__(self, config: VisionConfig, network: nn.Module | None = None) -> None:
        super().__init__()
        with torch.device("cpu"):  # timm computes with tensors while it builds, which the meta device cannot
            self.network = network or create(**(config.backbone or {}))
        transient = {name for name, _ in self.network.named_buffers()} - set(self.network.state_dict())
        if transient:
            raise ConfigError(f"{config.source!r} has buffers that no checkpoint holds: {', '.join(sorted(transient))}")

    def train(self, mode: bool = True) -> TimmEncoder:
        """Set the mode of everything but batch normalisation, which stays in evaluation mode."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Return patch features (B, N, D), row by row, of normalised images (B, 3, H, W)."""
        return _patches(self.network(images))


def create(**arguments: Any) -> nn.Module:
    """Return timm's network of feature maps for arguments of ``create_model``.

    Raises:
        ConfigError: timm cannot build it, or its pretrained weights cannot be had.
    """
    import timm

    try:
        return timm.create_model(features_only=True, **arguments)
    except (RuntimeError, OSError, ValueError, TypeError, AssertionError) as error:
        raise ConfigError(f"timm cannot load {arguments.get('model_name')!r}: {error}") from error


def load_timm_encoder(name: str, image_size: int | None, *, source: str) -> tuple[VisionConfig, TimmEncoder]:
    """Load a pretrained timm network; see ``load_vision_encoder``.

    Args:
        name: timm's name of the model, or ``local-dir:<folder>``.
        image_size: side of the images [px].
        source: what the user asked for.
    """
    outline: Any = create(model_name=name)
    defaults = getattr(outline, "model", outline).pretrained_cfg
    reductions = outline.feature_info.reduction()
    size = image_size or defaults["input_size"][-1]
    backbone: dict[str, Any] = {"model_name": defaults["architecture"], "out_indices": _levels(reductions)}
    if len(set(reductions)) == 1:  # a vision transformer, built for one image size
        backbone["img_size"] = size
    network = create(**(backbone | {"model_name": name, "pretrained": True}))
    return describe(network, backbone, size, defaults["mean"], defaults["std"], source)


def describe(
    network: nn.Module,
    backbone: dict[str, Any],
    image_size: int,
    mean: Sequence[float],
    std: Sequence[float],
    source: str,
) -> tuple[VisionConfig, TimmEncoder]:
    """Return an encoder on ``network`` and its configuration, the output's sizes measured on an empty image.

    Args:
        network: made with ``create``.
        backbone: what it was made with, but for the weights.
        image_size: side of the images [px].
        mean: of each colour channel.
        std: of each colour channel.
        source: what the user asked for.
    """
    with torch.no_grad():
        _, patches, channels = _patches(network.eval()(torch.zeros(1, 3, image_size, image_size))).shape
    config = VisionConfig(
        library="timm",
        source=source,
        backbone=backbone,
        image_size=image_size,
        image_mean=list(mean),
        image_std=list(std),
        feature_dim=channels,
        grid=math.isqrt(patches),
    )
    return config, TimmEncoder(config, network).eval()


def _patches(maps: Sequence[Tensor]) -> Tensor:
    """Return patches (B, N, D) of maps (B, C, h, w), the finest first."""
    size = maps[0].shape[-2:]
    same = [m if m.shape[-2:] == size else functional.interpolate(m, size=size, mode="nearest") for m in maps]
    return torch.cat(same, dim=1).flatten(2).transpose(1, 2)


def _levels(reductions: Sequence[int]) -> list[int]:
    last = len(reductions) - 1
    fine = max((i for i, stride in enumerate(reductions) if stride <= FINEST_STRIDE), default=last)
    return sorted({fine, last})
