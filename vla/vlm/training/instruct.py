"""Stages `align` and `instruct`: the model learns answers; first its connector alone, then its language model too.

As LLaVA (Liu et al. 2023, section 4.2) does, but with low-rank adapters (Hu et al. 2022) on the language model.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from vla.vlm.modeling import VisionLanguageModel
from vla.vlm.processing import VlmProcessor
from vla.vlm.training.answering import answer_logits
from vla.vlm.training.images import normalise
from vla.vlm.training.learner import Learner
from vla.vlm.training.new_tokens import NewTokens
from vla.vlm.vocabulary import new_token_ids


class AnswerLearner(Learner):
    """A model that learns answers, with the embeddings of its new tokens.

    Args:
        model: parts of it that are to be trained require gradients; embeddings are frozen here.
        processor: of the model.
    """

    def __init__(self, model: VisionLanguageModel, processor: VlmProcessor) -> None:
        super().__init__(model, processor)
        for part in (model.get_input_embeddings(), model.get_output_embeddings()):
            if part is not None:
                part.requires_grad_(False)
        self.new_tokens = NewTokens(model.language_model, new_token_ids(processor))

    def forward(self, **batch: Tensor) -> dict[str, Tensor]:
        """Return the mean loss of answers' tokens, and how many of them are right."""
        logits = self.logits(batch).float()
        loss = functional.cross_entropy(logits, batch["target"])
        right = (logits.detach().argmax(dim=1) == batch["target"]).float().mean()
        return {"loss": loss, "token_accuracy": right}

    def logits(self, batch: dict[str, Tensor]) -> Tensor:
        """Return logits (T, V) of the tokens to predict."""
        return answer_logits(self.model, normalise(batch["images"], self.processor), batch, self.new_tokens)

    def finish(self) -> VisionLanguageModel:
        """Return the model, its new embeddings in their places."""
        self.new_tokens.store(self.model.language_model)
        return self.model
