"""Vision encoders: networks of timm and transformers behind one interface."""

from __future__ import annotations

import json
from pathlib import Path

from vla.vlm.configuration import VisionConfig
from vla.vlm.vision.base import VisionEncoder
from vla.vlm.vision.imagenet import EFFICIENTNET_LITE0, load_efficientnet_lite0
from vla.vlm.vision.timm_encoder import TimmEncoder, load_timm_encoder
from vla.vlm.vision.transformers_encoder import TransformersEncoder, load_transformers_encoder

TIMM_PREFIX = "timm/"


def make_vision_encoder(config: VisionConfig) -> VisionEncoder:
    """Build the encoder that ``config`` describes, with random weights."""
    return TimmEncoder(config) if config.library == "timm" else TransformersEncoder(config)


def load_vision_encoder(name: str, image_size: int | None = None) -> tuple[VisionConfig, VisionEncoder]:
    """Load a pretrained encoder and describe it.

    Args:
        name: ``efficientnet_lite0`` (ImageNet weights of an installed package), ``timm/<model>``, or a folder or hub
            id of a timm model or of a transformers one (SigLIP, CLIP, DINO; the vision half is taken where there are
            two).
        image_size: side of the images [px]; None for 128 (``efficientnet_lite0``) or what the weights were trained on.

    Raises:
        ConfigError: nothing can be loaded under that name, or the size does not suit it.
    """
    if name == EFFICIENTNET_LITE0:
        return load_efficientnet_lite0(image_size or VisionConfig.image_size)
    if name.startswith(TIMM_PREFIX):
        return load_timm_encoder(name.removeprefix(TIMM_PREFIX), image_size, source=name)
    if _is_timm_folder(Path(name)):
        return load_timm_encoder(f"local-dir:{name}", image_size, source=name)
    return load_transformers_encoder(name, image_size)


def _is_timm_folder(folder: Path) -> bool:
    file = folder / "config.json"
    return file.is_file() and "model_type" not in json.loads(file.read_text(encoding="utf-8"))


__all__ = ["VisionEncoder", "load_vision_encoder", "make_vision_encoder"]
