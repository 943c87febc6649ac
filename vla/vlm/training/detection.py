"""The connector of objects learns what is where, without the language model: where objects are, and their words.

Losses of a detector: there being an object (one answer of one patch for each), its box (overlap, and distance relative
to its size), and its words and those of what it is in or on, against all other words of the batch and as vectors.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vla.vlm.connectors.objects import LARGE, PRESENT, SIZES, ObjectConnector, overlaps
from vla.vlm.modeling import VisionLanguageModel
from vla.vlm.training.packing import Batch
from vla.vlm.vocabulary import embedding_weights

SHARPNESS = 20.0
"""Of the choice among words, by their distance relative to how far words are from their mean."""


class Detector(nn.Module):
    """Compares what the connector finds with what is there.

    Args:
        model: with the connector of objects; its embeddings are not trained here.
    """

    def __init__(self, model: VisionLanguageModel) -> None:
        super().__init__()
        connector = model.connector
        assert isinstance(connector, ObjectConnector)
        self._connector = [connector]  # in lists: no part of what is saved
        self._embeddings = [embedding_weights(model.language_model)["input"]]
        self.center: Tensor
        self.register_buffer("center", self._embeddings[0].float().mean(dim=0), persistent=False)

    def forward(self, patches: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return the loss, and how well objects are found, named and enclosed.

        Args:
            patches: features of the batch's scenes (S, N, D).
            batch: see ``scenes.collate_scenes``.
        """
        connector = self._connector[0]
        found = connector.detect(patches)
        boxes, scene = batch["boxes"], batch["scene_of"]
        if not len(boxes):
            return {"loss": (found.presence.sum() + found.boxes.sum()) * 0}
        patch = self._patch(boxes)
        size = ((boxes[:, 2:] - boxes[:, :2]).prod(dim=1) >= LARGE).long()
        answer = patch * SIZES + size
        there = torch.zeros_like(found.presence)
        there[scene, answer] = 1
        presence = functional.binary_cross_entropy_with_logits(found.presence, there, reduction="sum") / len(boxes)
        seen = found.boxes[scene, answer]
        overlap = overlaps(seen, boxes)
        extent = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
        misplaced = ((seen - boxes).abs() / extent).mean()
        hidden = found.hidden[scene, patch]
        naming, named = self._naming(connector.word.of(hidden, size), batch["words"], batch["spelled"])
        known = (batch["state_spelled"] >= 0).any(dim=1)
        state, told = self._naming(
            connector.state.of(hidden, size)[known], batch["state_words"], batch["state_spelled"][known]
        )
        scores = found.presence.detach().sigmoid()
        return {
            "loss": presence + 2 * (1 - overlap).mean() + misplaced + naming + state,
            "found": (scores[scene, answer] >= PRESENT).float().mean(),
            "invented": ((scores >= PRESENT) & (there == 0)).float().sum() / len(boxes),
            "naming_accuracy": named,
            "state_accuracy": told,
            "box_overlap": overlap.detach().mean(),
        }

    def _naming(self, said: Tensor, words: Tensor, spelled: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss of what is said (R, P, hidden), and how many objects have all of their words right.

        Args:
            said: vectors of words.
            words: tokens to choose from (W,).
            spelled: which ones are right, in order (R, longest), -1 behind the last.
        """
        if not said.numel() or not len(words):
            return said.sum() * 0, said.new_ones(())
        table = self._embeddings[0].to(said.device)
        words = table[words].float() - self.center
        spread = words.norm(dim=1).mean()
        words = functional.pad(words, (0, 0, 0, 1))  # the last one stands for no further word
        said = said - self.center
        count = said.shape[1]
        spelled = functional.pad(spelled, (0, count), value=-1)[:, :count]
        spelled = torch.where(spelled < 0, len(words) - 1, spelled)  # (R, P)
        distances = torch.cdist(said.flatten(0, 1), words) / spread  # (R·P, W + 1)
        choice = functional.cross_entropy(-SHARPNESS / 2 * distances**2, spelled.flatten())
        gap = distances.gather(1, spelled.flatten()[:, None]).square().mean()
        right = (distances.detach().argmin(dim=1).view_as(spelled) == spelled).all(dim=1)
        return choice + gap, right.float().mean()

    def _patch(self, boxes: Tensor) -> Tensor:
        """Return the patch in which the middle of each box is (R,)."""
        grid = self._connector[0].grid
        place = ((boxes[:, :2] + boxes[:, 2:]) / 2 * grid).long().clamp(0, grid - 1)
        return place[:, 1] * grid + place[:, 0]
