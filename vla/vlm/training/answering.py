"""What a model says to packed questions: logits where answers are, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vla.vlm.depth import decoder
from vla.vlm.modeling import VisionLanguageModel
from vla.vlm.training.new_tokens import NewTokens
from vla.vlm.training.packing import Batch


def answer_logits(
    model: VisionLanguageModel, features: Tensor, batch: Batch, new_tokens: NewTokens | None = None
) -> Tensor:
    """Return logits (T, V) of the tokens to predict.

    Args:
        model: the model; its output layer is linear and follows the decoder directly.
        features: tokens of the images (I, M, hidden).
        batch: see ``packing.collate``.
        new_tokens: rows to use instead of the model's.
    """
    language = model.language_model
    ids = batch["input_ids"]
    embedded = new_tokens.embed(language, ids) if new_tokens else cast(nn.Module, language.get_input_embeddings())(ids)
    embedded = embedded.masked_scatter((ids == model.config.image_token_id)[..., None], features.to(embedded))
    hidden = decoder(language)(
        inputs_embeds=embedded,
        attention_mask=_additive(batch["attends"], embedded.dtype),
        position_ids=batch["position_ids"],
        use_cache=False,
    ).last_hidden_state
    picked = hidden[batch["row"], batch["place"]]
    if new_tokens:
        return new_tokens.logits(language, picked)
    return cast(nn.Module, language.get_output_embeddings())(picked)


class AnswerLoss(nn.Module):
    """Cross-entropy of answers' tokens, for which neighbours of a right coordinate are partly right.

    Args:
        locations: location tokens in the order of their coordinates; may be none.
        vocabulary: number of tokens.
        blur: standard deviation of what is right around a coordinate [bins]; 0 for that one alone.
        weight: of a coordinate; a word has 1.
    """

    def __init__(self, locations: Sequence[int], vocabulary: int, blur: float, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight
        bins = torch.arange(len(locations))
        distances = (bins[:, None] - bins) / max(blur, 1e-3)
        place = torch.full((vocabulary,), -1)
        place[list(locations)] = bins
        self.locations: Tensor
        self.shares: Tensor
        self.place: Tensor
        self.register_buffer("locations", torch.tensor(locations, dtype=torch.long), persistent=False)
        self.register_buffer("shares", (-(distances**2) / 2).softmax(dim=1), persistent=False)
        self.register_buffer("place", place, persistent=False)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the weighted mean loss of logits (T, V) of tokens (T,)."""
        scores = logits.float().log_softmax(dim=1)
        place = self.place[target]
        blurred = (place >= 0).nonzero()[:, 0]
        right = scores.gather(1, target[:, None])[:, 0]
        around = (scores[blurred[:, None], self.locations] * self.shares[place[blurred]]).sum(dim=1)
        weights = torch.where(place >= 0, self.weight, 1.0)
        return -(right.index_copy(0, blurred, around) * weights).sum() / weights.sum().clamp(min=1e-6)


def answer_log_probabilities(logits: Tensor, batch: Batch) -> Tensor:
    """Return the log-probability of each answer (A,) from logits (T, V)."""
    each = -functional.cross_entropy(logits.float(), batch["target"], reduction="none")
    return torch.zeros(int(batch["answer"].max()) + 1, device=each.device).index_add(0, batch["answer"], each)


def _additive(attends: Tensor, dtype: torch.dtype) -> Tensor:
    return torch.zeros(attends.shape, dtype=dtype, device=attends.device).masked_fill(~attends, torch.finfo(dtype).min)
