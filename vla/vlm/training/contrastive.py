"""Stage `contrastive`: the vision encoder learns which caption an image has, and which phrase a place in it has.

Whole images and captions: CLIP (Radford et al. 2021, section 2.3) or SigLIP (Zhai et al. 2023, section 3.2). Places and
phrases, as a planner needs to know what is where: regions are matched with phrases as in RegionCLIP (Zhong et al. 2022,
section 3) with SigLIP's loss against all phrases of the batch, and those of the same image count more. Both sides are
projected to one space; the sentence encoder stays as it is.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from vla.errors import UnknownNameError
from vla.vlm.modeling import VisionLanguageModel
from vla.vlm.processing import VlmProcessor
from vla.vlm.training.images import normalise
from vla.vlm.training.learner import Learner
from vla.vlm.training.packing import Batch

LOSSES = ("siglip", "clip")
MASKED = ("none", "patches", "text")
DIM = 256
HARD = 4.0
"""Weight of phrases that other regions of the same image have, against phrases that the image does not show."""
PIXELS = 4
"""Side that a hidden patch is reduced to, to be guessed [px]."""


class Matcher(nn.Module):
    """Projects both sides to one space, and compares them.

    Args:
        seen: channels of image features.
        said: of text vectors.
    """

    def __init__(self, seen: int, said: int) -> None:
        super().__init__()
        self.seen = nn.Sequential(nn.LayerNorm(seen), nn.Linear(seen, DIM))
        self.said = nn.Linear(said, DIM)
        self.scale = nn.Parameter(torch.tensor(math.log(10.0)))
        self.bias = nn.Parameter(torch.tensor(-10.0))

    def forward(self, seen: Tensor, said: Tensor) -> Tensor:
        """Return scaled cosines (R, P) of image features (R, D) and text vectors (P, d)."""
        left = functional.normalize(self.seen(seen).float(), dim=-1)
        right = functional.normalize(self.said(said).float(), dim=-1)
        return left @ right.T * self.scale.exp()


class ContrastiveLearner(Learner):
    """The vision encoder, and heads for what it is to tell.

    Args:
        model: its vision encoder is trained, and nothing else of it.
        processor: of the model.
        text_dim: channels of text vectors.
        loss: of whole images, one of `LOSSES`.
        masked: what is hidden and guessed, one of `MASKED`.

    Raises:
        UnknownNameError: ``loss`` or ``masked`` has no such name.
    """

    def __init__(
        self,
        model: VisionLanguageModel,
        processor: VlmProcessor,
        text_dim: int,
        loss: str = "siglip",
        masked: str = "none",
    ) -> None:
        super().__init__(model, processor)
        for kind, name, valid in (("loss", loss, LOSSES), ("masked", masked, MASKED)):
            if name not in valid:
                raise UnknownNameError(kind, name, valid)
        self.loss, self.masked = loss, masked
        self.grid, dim = model.config.vision.grid, model.config.vision.feature_dim
        model.requires_grad_(False)
        model.unfreeze("vision")
        self.heads = nn.ModuleDict({"captions": Matcher(dim, text_dim), "regions": Matcher(dim, text_dim)})
        if masked == "patches":
            self.heads["pixels"] = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 3 * PIXELS**2))
        if masked == "text":
            self.heads["words"] = Matcher(dim + text_dim, text_dim)

    def trained_heads(self) -> nn.Module:
        """See `Learner`."""
        return self.heads

    def forward(self, **batch: Tensor) -> dict[str, Tensor]:
        """Return the loss, and how often the right caption and the right phrase match best."""
        images = normalise(batch["images"], self.processor)
        patches = self.model.vision_encoder(self._hide(images, batch["hidden"]))  # (B, N, D)
        output = self._captions(patches, batch) | self._regions(patches, batch)
        loss = output["caption_loss"] + output["region_loss"]
        if self.masked == "patches":
            output["masked_loss"] = self._pixels(patches, images, batch["hidden"])
        if self.masked == "text":
            output["masked_loss"] = self._words(patches, batch)
        return output | {"loss": loss + output.get("masked_loss", loss.new_zeros(()))}

    def _captions(self, patches: Tensor, batch: Batch) -> dict[str, Tensor]:
        known = batch["caption"] >= 0
        if not known.any():
            return {"caption_loss": patches.sum() * 0}
        matcher, number = self.heads["captions"], batch["caption"][known]
        scores = matcher(patches.mean(dim=1)[known], batch["captions"][known])
        same = number[:, None] == number
        if self.loss == "siglip":
            loss = _sigmoid_loss(scores + matcher.bias, same)
        else:
            shares = same / same.sum(dim=1, keepdim=True)
            loss = (functional.cross_entropy(scores, shares) + functional.cross_entropy(scores.T, shares)) / 2
        right = same.gather(1, scores.argmax(dim=1, keepdim=True)).float().mean()
        return {"caption_loss": loss, "caption_accuracy": right.detach()}

    def _regions(self, patches: Tensor, batch: Batch) -> dict[str, Tensor]:
        if not len(batch["phrase"]) or batch["phrase"].max() < 0:
            return {"region_loss": patches.sum() * 0}
        matcher, phrase, shows = self.heads["regions"], batch["phrase"], batch["shows"][batch["image"]]
        places = (batch["areas"].to(patches)[:, None] @ patches[batch["image"]])[:, 0]  # (R, D)
        scores = matcher(places, batch["phrases"])
        same = phrase[:, None] == torch.arange(scores.shape[1], device=phrase.device)
        weights = 1 + (HARD - 1) * (shows & ~same)
        loss = _sigmoid_loss(scores + matcher.bias, same, weights)
        among = scores.detach().masked_fill(~shows, -torch.inf)[phrase >= 0].argmax(dim=1)
        return {"region_loss": loss, "region_accuracy": (among == phrase[phrase >= 0]).float().mean()}

    def _hide(self, images: Tensor, hidden: Tensor) -> Tensor:
        """Return images (B, 3, S, S) with hidden patches (B, N) at the middle of the range."""
        if self.masked != "patches":
            return images
        cells = hidden.view(-1, 1, self.grid, self.grid).float()
        return images * (1 - functional.interpolate(cells, size=images.shape[-2:], mode="nearest"))

    def _pixels(self, patches: Tensor, images: Tensor, hidden: Tensor) -> Tensor:
        """Return how badly hidden patches are guessed, reduced to few pixels (MAE: He et al. 2022, section 3)."""
        small = functional.adaptive_avg_pool2d(images, self.grid * PIXELS)
        cells = functional.unfold(small, PIXELS, stride=PIXELS).transpose(1, 2)  # (B, N, 3 * PIXELS²)
        if not hidden.any():
            return patches.sum() * 0
        return functional.mse_loss(self.heads["pixels"](patches[hidden]).float(), cells[hidden])

    def _words(self, patches: Tensor, batch: Batch) -> Tensor:
        """Return how badly the word that a caption lacks is chosen among the words that the batch's captions lack."""
        known = batch["word"] >= 0
        if not known.any():
            return patches.sum() * 0
        context = torch.cat([patches.mean(dim=1), batch["gaps"].to(patches)], dim=1)[known]
        return functional.cross_entropy(self.heads["words"](context, batch["words"]), batch["word"][known])


def _sigmoid_loss(scores: Tensor, same: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return SigLIP's loss of scores (R, P), the mean over R."""
    signs = same.float() * 2 - 1
    losses = -functional.logsigmoid(signs * scores)
    return (losses if weights is None else losses * weights).sum() / len(scores)
