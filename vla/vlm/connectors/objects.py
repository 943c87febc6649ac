"""Objects as text: words for each one and for what it is in or on, its box's location tokens, one token of its look.

A detector with one answer a patch and size, as in YOLO (Redmon et al. 2016, section 2), whose classes are vectors among
the language model's embeddings instead of numbers. So an image reads as a sentence does, "red cube", "bowl" and four
coordinates, and what a language model can already do with sentences, to find a word again and say what stands behind
it, answers what is where. It has to be taught what is where; see `vla.vlm.training.detection`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from vla.errors import ConfigError
from vla.vlm.connectors.base import Connector, ConnectorSpec

SIZES = 2
"""Answers a patch: for small objects and for large ones, so that a thing and what it lies in share a patch."""
LARGE = 0.02
"""Part of the image from which on an object is large."""
PRESENT = 0.3
"""Score from which on there is an object."""
SAME = 0.6
"""Overlap from which on two boxes are of one object."""
PLACED = 0.3
"""How far a word is moved for each edge that is at the end of the image, relative to how far words are apart."""
USUAL = {"small": 0.08, "large": 0.24}
"""Width and height that boxes start from, fractions of the image."""


@dataclass(frozen=True)
class Detections:
    """What each patch and size answers, Q = N · `SIZES` of them; patch by patch, small before large."""

    presence: Tensor
    """Logits of there being an object in the middle of the patch (B, Q)."""
    boxes: Tensor
    """Left, upper, right and lower edge, fractions of the image (B, Q, 4)."""
    hidden: Tensor
    """Of the patches (B, N, C)."""


class WordHead(nn.Linear):
    """Says words of each patch and size, as vectors.

    Args:
        dim: channels of a patch.
        words: how many; may be 0.
        hidden_dim: width of the language model.
    """

    def __init__(self, dim: int, words: int, hidden_dim: int) -> None:
        super().__init__(dim, SIZES * words * hidden_dim)
        self.words, self.hidden_dim = words, hidden_dim

    def of(self, hidden: Tensor, size: Tensor) -> Tensor:
        """Return the vectors (…, words, hidden) of answers of patches (…, C) for sizes (…)."""
        return _pick(self(hidden).unflatten(-1, (SIZES, self.words, self.hidden_dim)).float(), size)


class ObjectConnector(Connector):
    """The surest objects of an image, from left to right, each as words, location tokens, and a token of its look.

    Raises:
        ConfigError: boxes are not written as location tokens.
    """

    def __init__(self, spec: ConnectorSpec) -> None:
        super().__init__(spec)
        if spec.bins < 2:
            raise ConfigError("connector=objects writes boxes as location tokens, which needs grounding=tokens")
        self.grid, self.objects, self.bins = spec.grid, spec.objects, spec.bins
        self.num_tokens = spec.objects * (spec.words + spec.states + 5)
        self.norm = nn.LayerNorm(spec.feature_dim)
        self.around = nn.Conv2d(spec.feature_dim, spec.dim, 3, padding=1)
        self.presence = nn.Linear(spec.dim, SIZES)
        self.box = nn.Linear(spec.dim, SIZES * 4)
        self.word = WordHead(spec.dim, spec.words, spec.hidden_dim)
        self.state = WordHead(spec.dim, spec.states, spec.hidden_dim)
        self.look = nn.Linear(spec.dim, SIZES * spec.hidden_dim)
        self.place = nn.Linear(4, spec.hidden_dim, bias=False)
        self.locations = nn.Parameter(torch.zeros(spec.bins, spec.hidden_dim))
        self.nothing = nn.Parameter(torch.zeros(spec.hidden_dim))
        nn.init.constant_(self.presence.bias, -4.0)
        nn.init.zeros_(self.box.weight)
        nn.init.zeros_(self.box.bias)

    @torch.no_grad()
    def start_among(self, embeddings: Tensor, locations: Sequence[int]) -> None:
        """See `Connector`; coordinates are written as the location tokens are."""
        super().start_among(embeddings, locations)
        if len(locations) != self.bins:
            raise ConfigError(f"connector=objects has {self.bins} coordinates, but there are {len(locations)}")
        mean = embeddings.float().mean(dim=0)
        self.locations.copy_(embeddings[list(locations)])
        self.nothing.copy_(mean)
        for head in (self.word, self.state):
            head.bias.copy_(mean.repeat(SIZES * head.words))
        spread = (embeddings.float() - mean).norm(dim=1).mean()
        self.place.weight.normal_(std=float(PLACED * spread) / math.sqrt(len(mean)))

    def detect(self, features: Tensor) -> Detections:
        """Return what each patch answers, given patch features (B, N, D)."""
        grid = self.norm(features).transpose(1, 2).unflatten(2, (self.grid, self.grid))
        hidden = functional.gelu(self.around(grid)).flatten(2).transpose(1, 2)  # (B, N, C)
        shift, size = self.box(hidden).float().unflatten(-1, (SIZES, 2, 2)).unbind(dim=3)  # each (B, N, SIZES, 2)
        centers = self._places(features.device)[:, None] + shift / self.grid
        usual = torch.tensor(list(USUAL.values()), device=features.device)[:, None]
        halves = size.clamp(-3, 3).exp() * usual / 2
        boxes = torch.cat([centers - halves, centers + halves], dim=-1).flatten(1, 2).clamp(0, 1)
        return Detections(self.presence(hidden).float().flatten(1), boxes, hidden)

    def tokens(self, features: Tensor) -> Tensor:
        """See `Connector`."""
        found = self.detect(features)
        chosen, present = self._choose(found)  # (B, K)
        boxes = found.boxes.take_along_dim(chosen[..., None], dim=1)
        patch, size = chosen // SIZES, chosen % SIZES
        hidden = found.hidden.take_along_dim(patch[..., None], dim=1)
        look = _pick(self.look(hidden).unflatten(-1, (SIZES, -1)), size)
        said = torch.cat([self.word.of(hidden, size), self.state.of(hidden, size)], dim=2)
        said = said + self.place(2 * boxes - 1)[:, :, None]
        parts = [said, self._written(boxes), self.level(look.float())[:, :, None]]
        tokens = torch.where(present[..., None, None], torch.cat(parts, dim=2), self.nothing)
        return tokens.flatten(1, 2)

    def forward(self, features: Tensor) -> Tensor:
        """Return tokens (B, M, hidden) for patch features (B, N, D)."""
        return self.tokens(features)

    @torch.no_grad()
    def _choose(self, found: Detections) -> tuple[Tensor, Tensor]:
        """Return which answers are objects, from left to right (B, K), and whether there is one at all (B, K)."""
        scores, best = found.presence.sigmoid().topk(min(2 * self.objects, found.presence.shape[1]), dim=1)
        boxes = found.boxes.take_along_dim(best[..., None], dim=1)
        better = torch.ones(len(best[0]), len(best[0]), device=best.device, dtype=torch.bool).tril(-1)
        repeated = ((overlaps(boxes[:, :, None], boxes[:, None]) > SAME) & better).any(dim=2)
        scores = scores.masked_fill(repeated, 0)
        scores, order = scores.topk(self.objects, dim=1)
        best = best.gather(1, order)
        left = boxes.take_along_dim(order[..., None], dim=1)[..., ::2].mean(dim=-1)
        present = scores >= PRESENT
        order = torch.where(present, left, 2.0).argsort(dim=1, stable=True)
        return best.gather(1, order), present.gather(1, order)

    def _written(self, boxes: Tensor) -> Tensor:
        """Return edges (B, K, 4) as location tokens (B, K, 4, hidden), between those of the nearest coordinates."""
        places = boxes * (self.bins - 1)
        below = places.floor().long().clamp(0, self.bins - 2)
        return torch.lerp(self.locations[below], self.locations[below + 1], (places - below)[..., None])

    def _places(self, device: torch.device) -> Tensor:
        """Return the middles (N, 2) of the patches, across and down, fractions of the image."""
        middles = (torch.arange(self.grid, device=device) + 0.5) / self.grid
        return torch.stack(torch.meshgrid(middles, middles, indexing="xy"), dim=-1).flatten(0, 1)


def overlaps(one: Tensor, other: Tensor) -> Tensor:
    """Return the intersection over union of boxes (…, 4)."""
    low, high = torch.maximum(one[..., :2], other[..., :2]), torch.minimum(one[..., 2:], other[..., 2:])
    common = (high - low).clamp(min=0).prod(dim=-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).prod(dim=-1) for boxes in (one, other)]
    return common / (areas[0] + areas[1] - common).clamp(min=1e-6)


def _pick(values: Tensor, size: Tensor) -> Tensor:
    """Return of values (…, SIZES, *) those of a size (…)."""
    lead = size.ndim
    return values.take_along_dim(size.view(*size.shape, *[1] * (values.ndim - lead)), dim=lead).squeeze(lead)
