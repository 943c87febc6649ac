"""New tokens: added to a tokenizer, and given embeddings that a trained language model can start from."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import AddedToken, PreTrainedModel, PreTrainedTokenizerBase

from vla.vlm.chat import IMAGE
from vla.vlm.grounding import Grounding
from vla.vlm.processing import CROP, VlmProcessor

WAVES = 8
"""Sines and cosines that describe a coordinate, each of twice the frequency of the one before."""


def add_tokens(tokenizer: PreTrainedTokenizerBase, grounding: Grounding) -> None:
    """Add the placeholders and location tokens. Placeholders are special: decoding can leave them out."""
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in (IMAGE, CROP)], True)
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in grounding.tokens])


@torch.no_grad()
def extend_embeddings(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, grounding: Grounding) -> None:
    """Give a language model rows for a tokenizer's new tokens.

    They start at the mean of all tokens, where the model's expectations are least disturbed. Location tokens differ
    from it by as much as words do, and the more alike two coordinates are the more alike are their tokens.
    """
    words = cast(nn.Embedding, model.get_input_embeddings()).weight.shape[0]
    if len(tokenizer) > words:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    locations = [index for index in location_ids(tokenizer, grounding) if index >= words]
    layers: list[Any] = [model.get_input_embeddings(), model.get_output_embeddings()]
    for weight in {id(layer.weight): layer.weight for layer in layers if layer is not None}.values():
        _start(weight, words, locations)


def location_ids(tokenizer: PreTrainedTokenizerBase, grounding: Grounding) -> list[int]:
    """Return the location tokens' places in the vocabulary, in the order of their coordinates; none for text."""
    return cast(list[int], tokenizer.convert_tokens_to_ids(grounding.tokens))


def new_token_ids(processor: VlmProcessor) -> list[int]:
    """Return the placeholders' and location tokens' places in the vocabulary."""
    tokens = [IMAGE, CROP, *processor.locations.tokens]
    return cast(list[int], processor.tokenizer.convert_tokens_to_ids(tokens))


def embedding_weights(model: PreTrainedModel) -> dict[str, Tensor]:
    """Return a language model's matrices (V, d) with a row a token: ``input``, and ``output`` unless it is the same."""
    rows, head = cast(nn.Embedding, model.get_input_embeddings()).weight, model.get_output_embeddings()
    weights = {"input": rows.detach()}
    if head is not None and head.weight is not rows:
        weights["output"] = cast(Tensor, head.weight).detach()
    return weights


def _start(weight: Tensor, words: int, locations: list[int]) -> None:
    """Fill the rows from ``words`` on of an embedding (V, d), in place."""
    known = weight[:words].float()
    mean = known.mean(dim=0)
    weight[words:] = mean.to(weight)
    if locations:
        spread = (known - mean).norm(dim=1).mean()
        weight[locations] = (mean + spread * _ordered_directions(len(locations), weight.shape[1])).to(weight)


def _ordered_directions(count: int, dim: int) -> Tensor:
    """Return unit vectors (count, dim), neighbours alike: waves along the axis, turned by a fixed random matrix."""
    positions = torch.linspace(0, 1, count)[:, None] * torch.pi * 2.0 ** torch.arange(WAVES)  # (count, WAVES)
    falling = 0.5 ** torch.arange(WAVES)
    waves = torch.cat([positions.sin() * falling, positions.cos() * falling], dim=1)
    turned = waves @ torch.randn(2 * WAVES, dim, generator=torch.Generator().manual_seed(0))
    return turned / turned.norm(dim=1, keepdim=True)
