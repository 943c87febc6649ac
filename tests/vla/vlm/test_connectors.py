"""Connectors: shapes, gradients, and that nothing of an image is lost on the way."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.vla.vlm.helpers import CONNECTORS
from vla.errors import ConfigError, UnknownNameError
from vla.vlm.connectors import ConnectorSpec, make_connector
from vla.vlm.connectors.base import MergedPatches

SPEC = ConnectorSpec(feature_dim=12, grid=4, hidden_dim=20, merge=2, tokens=5, depth=2, heads=2, dim=8)


@pytest.mark.parametrize("name", CONNECTORS)
def test_patches_become_tokens_of_the_language_model(name: str) -> None:
    connector = make_connector(name, SPEC)
    features = torch.randn(3, 16, 12, requires_grad=True)
    tokens = connector(features)
    assert tokens.shape == (3, connector.num_tokens, 20)
    assert connector.num_tokens == {"linear": 4, "mlp": 4, "qformer": 5, "perceiver": 5}[name]
    (tokens * torch.randn_like(tokens)).sum().backward()
    assert features.grad is not None
    assert (features.grad.abs().sum(dim=-1) > 0).all(), "a patch does not reach the output"
    for parameter_name, parameter in connector.named_parameters():
        assert parameter.grad is not None, parameter_name


@pytest.mark.parametrize("name", CONNECTORS)
def test_the_place_of_a_patch_matters(name: str) -> None:
    connector = make_connector(name, SPEC).eval()
    features = torch.randn(1, 16, 12)
    assert not torch.allclose(connector(features), connector(features.flip(1)), atol=1e-4)


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_blocks_that_look_alike_are_told_apart_by_their_places(name: str) -> None:
    tokens = make_connector(name, SPEC)(torch.randn(1, 1, 12).expand(1, 16, 12))[0]
    assert torch.cdist(tokens, tokens)[~torch.eye(4, dtype=torch.bool)].min() > 1e-3


@pytest.mark.parametrize("name", CONNECTORS)
def test_images_of_a_batch_are_independent(name: str) -> None:
    connector = make_connector(name, SPEC).eval()
    features = torch.randn(3, 16, 12)
    torch.testing.assert_close(connector(features)[1:2], connector(features[1:2]))


@pytest.mark.parametrize("name", CONNECTORS)
def test_tokens_start_at_the_level_of_embeddings(name: str) -> None:
    connector = make_connector(name, SPEC)
    embeddings = 7 + 3 * torch.randn(50, 20)
    connector.start_among(embeddings, ())
    tokens = connector(torch.randn(3, 16, 12))
    mean = embeddings.mean(dim=0)
    torch.testing.assert_close(
        (tokens - mean).norm(dim=-1).mean(), (embeddings - mean).norm(dim=1).mean(), rtol=1e-3, atol=0
    )


def test_merged_blocks_hold_neighbours() -> None:
    patches = MergedPatches(SPEC)
    patches.norm = torch.nn.Identity()  # type: ignore[assignment]
    patches.places.data.zero_()
    numbers = torch.arange(16.0).view(1, 16, 1).expand(1, 16, 12)
    blocks = patches(numbers).view(4, 4, 12)[..., 0]
    assert blocks.tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("mlp", {"merge": 3}, "connector_merge=3.*valid: 1, 2, 4"),
        ("linear", {"merge": 0}, "connector_merge=0"),
        ("qformer", {"heads": 3}, "connector_heads=3.*connector_dim=8"),
        ("perceiver", {"tokens": 0}, "connector_tokens=0"),
        ("qformer", {"depth": 0}, "connector_depth=0"),
    ],
)
def test_sizes_that_do_not_fit_are_named(name: str, wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_connector(name, replace(SPEC, **wrong))


def test_an_unknown_connector_is_named() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'qformer'"):
        make_connector("q-former", SPEC)
