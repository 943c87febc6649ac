"""Vision encoders by name, folder and configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    Dinov2Config,
    Dinov2Model,
    PreTrainedModel,
    SiglipImageProcessor,
    SiglipVisionConfig,
    SiglipVisionModel,
)

from vla.errors import ConfigError
from vla.vlm.building import build_vlm
from vla.vlm.configuration import VisionConfig
from vla.vlm.tiny import byte_tokenizer, tiny_vlm
from vla.vlm.vision import load_vision_encoder, make_vision_encoder
from vla.vlm.vision.timm_encoder import TimmEncoder

SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
}


def small_clip() -> PreTrainedModel:
    text = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 9}
    settings: dict[str, Any] = {"text_config": text, "vision_config": SMALL, "projection_dim": 8}
    return CLIPModel(CLIPConfig(**settings))


FAMILIES = {
    "clip": (small_clip, CLIPImageProcessor),
    "siglip": (lambda: SiglipVisionModel(SiglipVisionConfig(**SMALL)), SiglipImageProcessor),
    "dinov2": (lambda: Dinov2Model(Dinov2Config(**SMALL)), CLIPImageProcessor),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [None, 48])
def test_transformers_folders(family: str, size: int | None, tmp_path: Path) -> None:
    make, images = FAMILIES[family]
    model = make().eval()
    model.save_pretrained(tmp_path)
    images().save_pretrained(tmp_path)
    config, encoder = load_vision_encoder(str(tmp_path), size)
    side = (size or 32) // 8
    assert (config.grid, config.feature_dim, config.image_size) == (side, 16, size or 32)
    assert list(config.image_mean) == pytest.approx(list(images().image_mean))
    pixels = torch.randn(2, 3, config.image_size, config.image_size)
    with torch.no_grad():
        features = encoder(pixels)
        assert features.shape == (2, side**2, 16)
        network: Any = getattr(model, "vision_model", model)
        options = {"interpolate_pos_encoding": True} if size and family != "dinov2" else {}
        states = network(pixels, **options).last_hidden_state
    torch.testing.assert_close(features, states[:, -(side**2) :])
    rebuilt = make_vision_encoder(VisionConfig(**config.to_dict())).eval()
    rebuilt.load_state_dict(encoder.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(rebuilt(pixels), features)


@pytest.mark.parametrize("architecture", ["test_vit", "test_efficientnet"])
def test_timm_folders(architecture: str, tmp_path: Path) -> None:
    network: Any = timm.create_model(architecture)
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    settings = {"architecture": architecture, "num_classes": 1000, "pretrained_cfg": {"num_classes": 1000}}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    config, encoder = load_vision_encoder(str(tmp_path), 96)
    pixels = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        features = encoder(pixels)
    assert features.shape == (2, config.grid**2, config.feature_dim)
    assert config.grid == 6
    assert isinstance(encoder, TimmEncoder)
    same = dict(network.named_parameters())
    shared = [name for name, value in encoder.network.named_parameters() if name.removeprefix("model.") in same]
    assert shared
    for name, value in encoder.network.named_parameters():
        if (own := same.get(name.removeprefix("model."))) is not None and own.shape == value.shape:
            assert name.endswith("pos_embed") or torch.equal(own, value), name
    rebuilt = make_vision_encoder(VisionConfig(**config.to_dict())).eval()
    rebuilt.load_state_dict(encoder.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(rebuilt(pixels), features)


def test_efficientnet_lite0_has_imagenet_weights() -> None:
    config, encoder = load_vision_encoder("efficientnet_lite0")
    assert (config.image_size, config.grid, config.feature_dim) == (128, 8, 112 + 320)
    with torch.no_grad():
        features = encoder(torch.zeros(1, 3, 128, 128))
        assert features.shape == (1, 64, 432)
        random = make_vision_encoder(config).eval()(torch.zeros(1, 3, 128, 128))
    assert not torch.allclose(features, random)
    encoder.train()
    before = {name: value.clone() for name, value in encoder.named_buffers()}
    encoder(torch.randn(2, 3, 128, 128))
    assert all(torch.equal(before[name], value) for name, value in encoder.named_buffers()), "statistics moved"


def test_a_model_with_a_timm_encoder_is_saved_and_loaded(tmp_path: Path) -> None:
    tiny = tiny_vlm()[0]
    model, processor = build_vlm(
        "efficientnet_lite0", "perceiver", tiny.config.text, tokenizer=byte_tokenizer(), image_size=64, location_bins=16
    )
    model.save_pretrained(tmp_path)
    restored = type(model).from_pretrained(tmp_path)
    pixels = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(restored.get_image_features(pixels), model.get_image_features(pixels))
    assert processor.image_size == 64


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("efficientnet_lite0", 100, "image_size=100 is not a multiple of 32"),
        ("timm/no_such_model", None, "no_such_model"),
        ("/no/such/folder", None, "neither efficientnet_lite0"),
    ],
)
def test_what_cannot_be_loaded_is_named(name: str, size: int | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_vision_encoder(name, size)
