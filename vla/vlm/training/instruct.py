"""Stages `align` and `instruct`: the model learns answers; first its connector alone, then its language model too.

As LLaVA (Liu et al. 2023, section 4.2) does, but with low-rank adapters (Hu et al. 2022) on the language model.
"""

from __future__ import annotations

from torch import Tensor, nn

from vla.vlm.modeling import VisionLanguageModel
from vla.vlm.processing import VlmProcessor
from vla.vlm.training.answering import AnswerLoss, answer_logits
from vla.vlm.training.images import normalise
from vla.vlm.training.learner import Learner
from vla.vlm.training.naming import make_namer
from vla.vlm.training.new_tokens import NewTokens
from vla.vlm.vocabulary import location_ids, new_token_ids


class AnswerLearner(Learner):
    """A model that learns answers, with the embeddings of its new tokens.

    Args:
        model: parts of it that are to be trained require gradients; embeddings are frozen here.
        processor: of the model.
        naming: weight of the loss by which the connector's tokens learn words, see `vla.vlm.training.naming`.
        blur: see `AnswerLoss`.
        location_weight: see `AnswerLoss`.
    """

    def __init__(
        self,
        model: VisionLanguageModel,
        processor: VlmProcessor,
        naming: float = 0.0,
        blur: float = 0.0,
        location_weight: float = 1.0,
    ) -> None:
        super().__init__(model, processor)
        self.naming = naming
        self.namer = make_namer(model) if naming else None
        for part in (model.get_input_embeddings(), model.get_output_embeddings()):
            if part is not None:
                part.requires_grad_(False)
        self.new_tokens = NewTokens(model.language_model, new_token_ids(processor))
        locations = location_ids(processor.tokenizer, processor.locations)
        self.answer_loss = AnswerLoss(locations, len(self.new_tokens.place), blur, location_weight)

    def trained_heads(self) -> nn.Module | None:
        """See `Learner`."""
        return self.namer

    def forward(self, **batch: Tensor) -> dict[str, Tensor]:
        """Return the mean loss of answers' tokens, how many of them are right, and what is known of naming."""
        patches = self.patches(batch)
        features = self.model.connector(patches)
        logits = answer_logits(self.model, features, batch, self.new_tokens)
        answers = self.answer_loss(logits, batch["target"])
        right = (logits.detach().argmax(dim=1) == batch["target"]).float().mean()
        output = {"loss": answers, "token_accuracy": right}
        if self.namer is None:
            return output
        names = self.namer(patches[batch["scene"]], batch)
        return names | output | {"loss": answers + self.naming * names["loss"], "answer_loss": answers.detach()}

    def patches(self, batch: dict[str, Tensor]) -> Tensor:
        """Return the patch features of the images (I, N, D)."""
        return self.model.get_patch_features(normalise(batch["images"], self.processor))

    def logits(self, batch: dict[str, Tensor]) -> Tensor:
        """Return logits (T, V) of the tokens to predict."""
        return answer_logits(self.model, self.model.connector(self.patches(batch)), batch, self.new_tokens)

    def finish(self) -> VisionLanguageModel:
        """Return the model, its new embeddings in their places."""
        self.new_tokens.store(self.model.language_model)
        return self.model
