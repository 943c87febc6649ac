"""The connector's tokens learn to be like the words of what is in their place, in the language model's own embeddings.

So the language model reads an image almost as it reads text, before it has learned anything from answers. The loss is
SigLIP's (Zhai et al. 2023, section 3.2), between places and words. Boxes, which a linear layer is to read off the token
where most of an object is, keep tokens precise.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from vla.errors import ConfigError
from vla.vlm.connectors.objects import ObjectConnector
from vla.vlm.modeling import VisionLanguageModel
from vla.vlm.processing import VlmProcessor
from vla.vlm.training.detection import Detector
from vla.vlm.training.images import normalise
from vla.vlm.training.learner import Learner
from vla.vlm.training.packing import Batch
from vla.vlm.vocabulary import embedding_weights

ENOUGH = 0.25
"""Part of an object that has to be in a place for the place to be named after it, or the place has most of it."""
BOX_WEIGHT = 5.0
"""Of an error in the boxes' edges, which are fractions of the frame."""


class Namer(nn.Module):
    """Compares tokens with words.

    Args:
        model: its connector's tokens have places; its embeddings are not trained here.

    Raises:
        ConfigError: tokens have no places.
    """

    def __init__(self, model: VisionLanguageModel) -> None:
        super().__init__()
        if model.connector.side is None:
            raise ConfigError(
                f"learn=words is for connectors whose tokens have places (linear, mlp) or stand for objects (objects), "
                f"not {model.config.connector}"
            )
        self._connector = [model.connector]  # in lists: no part of what is saved
        self._embeddings = [embedding_weights(model.language_model)["input"]]
        self.center: Tensor
        self.register_buffer("center", self._embeddings[0].float().mean(dim=0), persistent=False)
        self.scale = nn.Parameter(torch.tensor(math.log(10.0)))
        self.bias = nn.Parameter(torch.tensor(-5.0))
        self.box = nn.Linear(len(self.center), 4)

    def forward(self, patches: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return what `judge` says of the tokens that the connector makes of the scenes' patch features (S, N, D)."""
        return self.judge(self._connector[0](patches), batch)

    def judge(self, tokens: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return the loss, how often an object's words are the nearest ones in its place, and the error of its box.

        Args:
            tokens: of the batch's scenes (S, M, hidden).
            batch: see ``scenes.collate_scenes``.
        """
        areas, named, scene = batch["areas"], batch["named"], batch["scene_of"]
        if not len(areas):
            return {"loss": tokens.sum() * 0}
        main = areas.argmax(dim=1)
        inside = (areas >= ENOUGH) | (functional.one_hot(main, areas.shape[1]) > 0)  # (R, M)
        touched = (areas > 0) & ~inside
        is_named = _gather(inside, named, scene, len(tokens))  # (S, M, W)
        unclear = _gather(touched, named, scene, len(tokens)) & ~is_named
        scores = self._scores(tokens.float(), batch["words"])
        losses = -functional.logsigmoid(torch.where(is_named, 1.0, -1.0) * (scores + self.bias))
        loss = losses.masked_fill(unclear, 0).sum() / is_named.sum()
        there = scores.detach()[scene, main]  # (R, W)
        right = there.masked_fill(~named, torch.inf).amin(dim=1) > there.masked_fill(named, -torch.inf).amax(dim=1)
        error = (self.box(tokens.float()[scene, main]) - batch["boxes"]).abs().mean()
        return {
            "loss": loss + BOX_WEIGHT * error,
            "naming_accuracy": right.float().mean(),
            "box_error": error.detach(),
        }

    def _scores(self, tokens: Tensor, words: Tensor) -> Tensor:
        """Return scaled cosines (S, M, W), as seen from the middle of all words."""
        vectors = self._embeddings[0].to(tokens.device)[words].to(tokens) - self.center
        seen = functional.normalize(tokens - self.center, dim=-1)
        return seen @ functional.normalize(vectors, dim=-1).T * self.scale.exp()


def make_namer(model: VisionLanguageModel) -> Namer | Detector:
    """Return what teaches a model's connector the words of what it sees.

    Raises:
        ConfigError: nothing can: its tokens have no places, and stand for no objects.
    """
    return Detector(model) if isinstance(model.connector, ObjectConnector) else Namer(model)


def can_name(model: VisionLanguageModel) -> bool:
    """Return whether ``make_namer`` can."""
    return model.connector.side is not None or isinstance(model.connector, ObjectConnector)


class NamingLearner(Learner):
    """A connector that learns words, without the language model saying anything.

    Args:
        model: its connector is trained, and nothing else of it.
        processor: of the model.
    """

    def __init__(self, model: VisionLanguageModel, processor: VlmProcessor) -> None:
        super().__init__(model, processor)
        self.namer = make_namer(model)

    def trained_heads(self) -> nn.Module:
        """See `Learner`."""
        return self.namer

    def forward(self, **batch: Tensor) -> dict[str, Tensor]:
        """Return the loss and figures of `Namer` or `Detector`."""
        return self.namer(self.model.get_patch_features(normalise(batch["images"], self.processor)), batch)


def _gather(places: Tensor, named: Tensor, scene: Tensor, scenes: int) -> Tensor:
    """Return which words (S, M, W) stand for some object, given their places (R, M), words (R, W) and scenes (R,)."""
    pairs = (places[:, :, None] & named[:, None]).float()
    return torch.zeros(scenes, *pairs.shape[1:], device=pairs.device).index_add(0, scene, pairs) > 0
