"""Embeddings of the new tokens, trained while all others stay as they are."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from vla.vlm.vocabulary import embedding_weights


class NewTokens(nn.Module):
    """The rows of some tokens, kept beside a language model's frozen matrices; one row a token if these are tied.

    peft's ``trainable_token_indices`` does the same for a model that peft wraps; here the adapter is within the model,
    and the output layer is needed without the rest.

    Args:
        model: causal language model.
        ids: the tokens, n.
    """

    def __init__(self, model: PreTrainedModel, ids: list[int]) -> None:
        super().__init__()
        weights = embedding_weights(model)
        vocabulary = len(weights["input"])
        self.rows = nn.ParameterDict({kind: nn.Parameter(weight[ids].float()) for kind, weight in weights.items()})
        place = torch.full((vocabulary,), -1)
        place[ids] = torch.arange(len(ids))
        self.ids: Tensor
        self.place: Tensor
        self.register_buffer("ids", torch.tensor(ids), persistent=False)
        self.register_buffer("place", place, persistent=False)

    def embed(self, model: PreTrainedModel, ids: Tensor) -> Tensor:
        """Return embedded tokens (…, d)."""
        known = cast(nn.Module, model.get_input_embeddings())(ids)
        place = self.place[ids]
        return torch.where((place >= 0)[..., None], self.rows["input"][place.clamp(min=0)].to(known), known)

    def logits(self, model: PreTrainedModel, hidden: Tensor) -> Tensor:
        """Return logits (T, V) of hidden states (T, d)."""
        head = cast(nn.Linear, model.get_output_embeddings())
        rows = self.rows["output"] if "output" in self.rows else self.rows["input"]
        bias = None if head.bias is None else head.bias[self.ids]
        return head(hidden).index_copy(1, self.ids, functional.linear(hidden, rows.to(hidden), bias))

    @torch.no_grad()
    def store(self, model: PreTrainedModel) -> None:
        """Write the rows into the language model."""
        for kind, weight in embedding_weights(model).items():
            weight[self.ids] = self.rows[kind].to(weight)
