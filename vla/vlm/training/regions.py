"""Views as images with a caption, and regions with a phrase each, for contrastive learning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vla.types import Box
from vla.vlm.examples import Region, View
from vla.vlm.training.packing import Batch

CAMERA = "front"
"""Regions are in this camera."""
VISIBLE = 0.2
"""Regions of which less can be seen are neither examples nor background."""
BACKGROUND = 4
"""Patches an image that no region covers, to be told from all phrases."""
MASK = "[MASK]"


@dataclass(frozen=True)
class RegionItem:
    """A front image with what it shows."""

    image: Tensor
    """uint8 (3, S, S)."""
    caption: str
    """Empty for none."""
    masked_caption: str
    """The caption without one of its words."""
    word: str
    """That word."""
    areas: Tensor
    """Part that each region, and then each background patch, takes of the patches (R, N)."""
    phrases: tuple[str, ...]
    """Of the regions; background has none."""
    hidden: Tensor
    """Patches that the encoder is not to see, bool (N,)."""


class RegionItems:
    """Front images with a caption, or with regions.

    Args:
        encoder: turns captions, phrases and words into vectors.
        grid: patches along each side of the image.
        masked: part of the patches to hide; 0 for none.
        mask_words: whether to leave a word out of captions.
    """

    def __init__(
        self, encoder: Callable[[Sequence[str]], Tensor], grid: int, masked: float = 0.0, mask_words: bool = False
    ) -> None:
        self.encoder, self.grid, self.masked, self.mask_words = encoder, grid, masked, mask_words

    def usable(self, view: View) -> bool:
        """Return whether a view has a front image with a caption or a region."""
        return CAMERA in view.cameras and bool(_captions(view) or visible(view))

    def prepare(self, view: View, images: Tensor, random: np.random.Generator) -> RegionItem:
        """Return the front image and what it shows; see ``Items.prepare``."""
        captions = _captions(view)
        caption = captions[random.integers(len(captions))] if captions else ""
        words = caption.split()
        gap = int(random.integers(len(words))) if words and self.mask_words else -1
        shown = visible(view)
        areas = [covered(region.box, self.grid) for region in shown]
        empty = torch.ones(self.grid**2)
        for region in view.regions:
            empty[covered(region.box, self.grid) > 0] = 0
        free = random.permutation(empty.nonzero().flatten().numpy())[:BACKGROUND]
        areas += list(torch.eye(self.grid**2)[free])
        return RegionItem(
            image=images[list(view.cameras).index(CAMERA)],
            caption=caption,
            masked_caption=" ".join([*words[:gap], MASK, *words[gap + 1 :]]) if gap >= 0 else "",
            word=words[gap].strip(".,") if gap >= 0 else "",
            areas=torch.stack(areas) if areas else torch.zeros(0, self.grid**2),
            phrases=tuple(region.phrase for region in shown),
            hidden=torch.from_numpy(random.random(self.grid**2) < self.masked),
        )

    def length(self, item: RegionItem) -> int:
        """Return the same for all: images have one size."""
        return 0

    def collate(self, items: Sequence[RegionItem]) -> Batch:
        """Return a batch of B images, R regions and background patches, and P different phrases.

        ``images`` uint8 (B, 3, S, S), ``hidden`` (B, N), ``captions`` (B, d) and which of them are the same by number,
        ``caption`` (B,), -1 for none; ``areas`` (R, N), their ``image`` (R,), their ``phrase`` (R,), -1 for background;
        ``phrases`` (P, d), and which phrases each image shows, ``shows`` (B, P); ``gaps`` (B, d) masked captions,
        ``words`` (W, d) different words, and which one is missing, ``word`` (B,), -1 for none.
        """
        phrases = sorted({phrase for item in items for phrase in item.phrases})
        captions = sorted({item.caption for item in items if item.caption})
        words = sorted({item.word for item in items if item.word})
        shows = torch.tensor([[phrase in item.phrases for phrase in phrases] for item in items], dtype=torch.bool)
        phrase = [
            [phrases.index(phrase) for phrase in item.phrases] + [-1] * (len(item.areas) - len(item.phrases))
            for item in items
        ]
        return {
            "images": torch.stack([item.image for item in items]),
            "hidden": torch.stack([item.hidden for item in items]),
            "captions": self._vectors([item.caption for item in items]),
            "caption": torch.tensor([captions.index(item.caption) if item.caption else -1 for item in items]),
            "areas": torch.cat([item.areas for item in items]),
            "image": torch.tensor([index for index, item in enumerate(items) for _ in item.areas], dtype=torch.long),
            "phrase": torch.tensor([number for row in phrase for number in row], dtype=torch.long),
            "phrases": self._vectors(phrases),
            "shows": shows,
            "gaps": self._vectors([item.masked_caption for item in items]),
            "words": self._vectors(words),
            "word": torch.tensor([words.index(item.word) if item.word else -1 for item in items]),
        }

    def _vectors(self, texts: Sequence[str]) -> Tensor:
        return self.encoder(texts or [""])


def covered(box: Box, grid: int) -> Tensor:
    """Return how much of each patch a box covers, relative to the whole box (N,); the sum is 1."""
    edges = torch.arange(grid + 1) / grid
    across = (edges[1:].clamp(max=box.x1) - edges[:-1].clamp(min=box.x0)).clamp(min=0)
    down = (edges[1:].clamp(max=box.y1) - edges[:-1].clamp(min=box.y0)).clamp(min=0)
    area = (down[:, None] * across).flatten()
    return area / area.sum()


def _captions(view: View) -> list[str]:
    return [question.answer for question in view.questions if question.kind == "caption" and not question.boxes]


def visible(view: View) -> list[Region]:
    """Return the regions of a view of which enough can be seen."""
    return [region for region in view.regions if region.visible >= VISIBLE]
