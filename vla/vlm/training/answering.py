"""What a model says to packed questions: logits where answers are, and nowhere else."""

from __future__ import annotations

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


def answer_log_probabilities(logits: Tensor, batch: Batch) -> Tensor:
    """Return the log-probability of each answer (A,) from logits (T, V)."""
    each = -functional.cross_entropy(logits.float(), batch["target"], reduction="none")
    return torch.zeros(int(batch["answer"].max()) + 1, device=each.device).index_add(0, batch["answer"], each)


def _additive(attends: Tensor, dtype: torch.dtype) -> Tensor:
    return torch.zeros(attends.shape, dtype=dtype, device=attends.device).masked_fill(~attends, torch.finfo(dtype).min)
