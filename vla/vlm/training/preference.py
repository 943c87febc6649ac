"""Stage `preference`: right answers gain on tempting wrong ones, by DPO (Rafailov et al. 2023, section 4).

trl's DPOTrainer takes a pair a row, each with its images and prompt, twice over. Here all
pairs of a view share its images, and the two answers of a pair their question, which it has no form of data for;
so this is the loss alone, on transformers' Trainer. The reference is a frozen copy of the adapter as it is at the
beginning: the same as turning the adapter off where it is new, and right where an earlier stage has trained it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from vla.vlm.lora import NAME, REFERENCE, copy_lora, use_lora
from vla.vlm.modeling import VisionLanguageModel
from vla.vlm.processing import VlmProcessor
from vla.vlm.training.answering import answer_log_probabilities
from vla.vlm.training.instruct import AnswerLearner


class PreferenceLearner(AnswerLearner):
    """A model whose adapter learns preferences. Batches have each right answer directly before its rejected one.

    Args:
        model: its language model has an adapter, which alone is trained.
        processor: of the model.
        beta: how much it costs to leave the reference.
        chosen_weight: of the right answers' own loss (per token), which keeps them from becoming less likely.
    """

    def __init__(
        self, model: VisionLanguageModel, processor: VlmProcessor, beta: float = 0.1, chosen_weight: float = 0.1
    ) -> None:
        super().__init__(model, processor)
        self.beta, self.chosen_weight = beta, chosen_weight
        model.freeze("vision", "connector")
        self.new_tokens.requires_grad_(False)
        copy_lora(model.language_model)

    def forward(self, **batch: Tensor) -> dict[str, Tensor]:
        """Return the loss, the mean margin of rewards, and how often the right answer has the higher reward."""
        chosen, rejected = answer_log_probabilities(self.logits(batch), batch).view(-1, 2).unbind(dim=1)
        with torch.no_grad():
            use_lora(self.model.language_model, REFERENCE)
            try:
                reference = answer_log_probabilities(self.logits(batch), batch).view(-1, 2)
            finally:
                use_lora(self.model.language_model, NAME)
        margin = self.beta * ((chosen - reference[:, 0]) - (rejected - reference[:, 1]))
        tokens = (batch["answer"] % 2 == 0).sum()
        loss = -functional.logsigmoid(margin).mean() - self.chosen_weight * chosen.sum() / tokens
        return {
            "loss": loss,
            "margin": margin.detach().mean(),
            "preference_accuracy": (margin.detach() > 0).float().mean(),
            "chosen": chosen.detach().mean(),
        }
