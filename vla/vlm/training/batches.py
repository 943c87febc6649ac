"""Endless batches of views, grouped by length, a function of the seed and the update alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch.utils.data import IterableDataset

from vla.vlm.examples import View
from vla.vlm.processing import VlmProcessor
from vla.vlm.training.images import decode, recolour
from vla.vlm.training.items import Items, next_usable
from vla.vlm.training.packing import Batch

GROUP = 8
"""Batches that are drawn together, to be sorted by length among themselves."""


class Batches(IterableDataset):
    """Batches from the one that follows update ``start``: a resumed run goes on where it stopped.

    Views are drawn in a new random order each time that all have been seen; the first ones of an order may share a
    batch with the last ones of the order before. A view that the stage can learn nothing from gives way to the next.

    Args:
        views: of the training split.
        items: makes batches of them.
        processor: of the model.
        batch_size: views a batch.
        seed: of order, questions and colours.
        augment: whether to recolour images.
        start: update to start from.
    """

    def __init__(
        self,
        views: Sequence[View],
        items: Items[Any],
        processor: VlmProcessor,
        *,
        batch_size: int,
        seed: int = 0,
        augment: bool = False,
        start: int = 0,
    ) -> None:
        self.views, self.items, self.processor = views, items, processor
        self.batch_size, self.seed, self.augment, self.start = batch_size, seed, augment, start

    def __iter__(self) -> Iterator[Batch]:
        group, skip = divmod(self.start, GROUP)
        while True:
            yield from self._group(group, skip)
            group, skip = group + 1, 0

    def _group(self, number: int, skip: int) -> Iterator[Batch]:
        size = GROUP * self.batch_size
        drawn = [self._draw(number * size + place) for place in range(size)]
        random = np.random.default_rng([self.seed, 1, number])
        prepared = [self._prepare(index, random) for index in drawn]
        prepared.sort(key=self.items.length)
        for batch in random.permutation(GROUP)[skip:]:
            yield self.items.collate(prepared[batch * self.batch_size : (batch + 1) * self.batch_size])

    def _draw(self, position: int) -> int:
        epoch, place = divmod(position, len(self.views))
        if getattr(self, "_epoch", None) != epoch:
            self._epoch = epoch
            self._order = np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.views))
        return next_usable(self.views, self.items, int(self._order[place]))

    def _prepare(self, index: int, random: np.random.Generator) -> Any:
        view = self.views[index]
        images = decode(view, self.processor)
        return self.items.prepare(view, recolour(images, random) if self.augment else images, random)


def held_out_batches(
    views: Sequence[View], count: int, items: Items[Any], processor: VlmProcessor, batch_size: int
) -> list[Batch]:
    """Return the same batches each time, of at most ``count`` views, evenly spaced, their images as they are."""
    prepared = []
    spaced = np.linspace(0, len(views) - 1, min(count, len(views))).round().astype(int)
    for index in sorted({next_usable(views, items, int(place)) for place in spaced}):
        view = views[index]
        prepared.append(items.prepare(view, decode(view, processor), np.random.default_rng([2, index])))
    prepared.sort(key=items.length)
    return [items.collate(prepared[start : start + batch_size]) for start in range(0, len(prepared), batch_size)]
