"""Stage `distill`: a model of fewer layers learns to answer as the whole one does (Hinton et al. 2015, section 2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from vla.vlm.modeling import VisionLanguageModel
from vla.vlm.processing import VlmProcessor
from vla.vlm.training.answering import answer_logits
from vla.vlm.training.images import normalise
from vla.vlm.training.instruct import AnswerLearner
from vla.vlm.training.packing import Batch


class DistillLearner(AnswerLearner):
    """A student with its teacher.

    Args:
        model: the student.
        processor: of both.
        teacher: sees the same images and has the same vocabulary.
        temperature: of both distributions.
        weight: of what the teacher says; the rest is the weight of the answers themselves.
    """

    def __init__(
        self,
        model: VisionLanguageModel,
        processor: VlmProcessor,
        teacher: VisionLanguageModel,
        temperature: float = 1.0,
        weight: float = 0.5,
    ) -> None:
        super().__init__(model, processor)
        self.temperature, self.weight = temperature, weight
        self._teacher = [teacher.requires_grad_(False).eval()]  # in a list, as no part of what is trained and saved

    def forward(self, **batch: Tensor) -> dict[str, Tensor]:
        """Return the loss, the divergence from the teacher, and how many tokens are right."""
        student = self.logits(batch).float()
        teacher = self.teacher_logits(batch).float()
        divergence = functional.kl_div(
            functional.log_softmax(student / self.temperature, dim=1),
            functional.log_softmax(teacher / self.temperature, dim=1),
            log_target=True,
            reduction="batchmean",
        )
        answers = functional.cross_entropy(student, batch["target"])
        loss = self.weight * self.temperature**2 * divergence + (1 - self.weight) * answers
        right = (student.detach().argmax(dim=1) == batch["target"]).float().mean()
        return {"loss": loss, "divergence": divergence.detach(), "token_accuracy": right}

    @torch.no_grad()
    def teacher_logits(self, batch: Batch) -> Tensor:
        """Return the teacher's logits (T, V)."""
        teacher, images = self._teacher[0], batch["images"]
        if next(teacher.parameters()).device != images.device:
            teacher.to(images.device)  # pyright: ignore[reportArgumentType]  # wrapped by transformers
        return answer_logits(teacher, teacher.get_image_features(normalise(images, self.processor)), batch)
