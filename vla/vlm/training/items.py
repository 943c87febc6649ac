"""Views as what a stage learns from: rows of questions with their answers, or with a right and a wrong answer each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor

from vla.errors import DatasetError
from vla.vlm.examples import Question, View
from vla.vlm.processing import VlmProcessor
from vla.vlm.training.packing import Batch, Row, Segment, collate
from vla.vlm.training.scenes import Scene, collate_scenes, has_scene, read_scene
from vla.vlm.training.turns import TurnWriter


class Items[Item](Protocol):
    """Makes batches of views."""

    def usable(self, view: View) -> bool:
        """Return whether there is something to learn from a view."""
        ...

    def prepare(self, view: View, images: Tensor, random: np.random.Generator) -> Item:
        """Return what a usable view contributes to a batch.

        Args:
            view: the view.
            images: its images, uint8 (I, 3, S, S).
            random: draws what is left to chance.
        """
        ...

    def length(self, item: Item) -> int:
        """Return by what items are to be grouped, so that a batch has alike ones."""
        ...

    def collate(self, items: Sequence[Item]) -> Batch:
        """Return a batch."""
        ...


class AnswerItems:
    """Rows of questions, each with its answer, in random order, as many as there is room for.

    Args:
        processor: of the model.
        max_tokens: room of a row; the first question is taken in any case.
        kinds: questions to take; empty for all.
        side: places along each side of an image, to tell what is where as well; None tells nothing.
    """

    def __init__(
        self, processor: VlmProcessor, max_tokens: int, kinds: Collection[str] = (), side: int | None = None
    ) -> None:
        self.side = side
        self.writer = TurnWriter(processor)
        self.pad = cast(int, processor.tokenizer.pad_token_id)
        self.max_tokens = max_tokens
        self.kinds = frozenset(kinds)

    def usable(self, view: View) -> bool:
        """Return whether there is a question to ask."""
        return bool(view.images) and any(self.wanted(question) for question in view.questions)

    def wanted(self, question: Question) -> bool:
        """Return whether a question is to be asked."""
        return not self.kinds or question.kind in self.kinds

    def answers(self, question: Question) -> list[tuple[int, ...]]:
        """Return the answers to learn from, as tokens."""
        return [self.writer.right(question)]

    def prepare(self, view: View, images: Tensor, random: np.random.Generator) -> Row:
        """Return a row of questions; see `Items`."""
        segments = [Segment(self.writer.images(view.cameras), parent=-1)]
        room = self.max_tokens - len(segments[0].tokens)
        candidates = [question for question in view.questions if self.wanted(question)]
        for index in random.permutation(len(candidates)):
            question = self.writer.question(candidates[index].prompt, view.cameras)
            answers = self.answers(candidates[index])
            size = len(question) + sum(map(len, answers))
            if size > room and len(segments) > 1:
                continue
            room -= size
            asked = len(segments)
            segments.append(Segment(question, parent=0))
            segments += [Segment(answer, parent=asked, answer=True) for answer in answers]
        scene = None if self.side is None else read_scene(view, self.writer.processor, self.side)
        return Row(tuple(segments), images, scene)

    def length(self, item: Row) -> int:
        """Return the row's tokens."""
        return item.length

    def collate(self, items: Sequence[Row]) -> Batch:
        """Return padded rows, see ``packing.collate``, and if asked what ``collate_scenes`` returns."""
        batch = collate(items, self.pad)
        if self.side is None:
            return batch
        return batch | collate_scenes([row.scene for row in items], [len(row.images) for row in items])


class SceneItems:
    """Front images of which it is known what is where.

    Args:
        processor: of the model.
        side: places along each side of an image.
    """

    def __init__(self, processor: VlmProcessor, side: int) -> None:
        self.processor, self.side = processor, side

    def usable(self, view: View) -> bool:
        """Return whether something is known."""
        return has_scene(view)

    def prepare(self, view: View, images: Tensor, random: np.random.Generator) -> tuple[Tensor, Scene]:
        """Return the front image and what it shows; see `Items`."""
        scene = read_scene(view, self.processor, self.side)
        assert scene is not None
        return images[scene.image], replace(scene, image=0)

    def length(self, item: tuple[Tensor, Scene]) -> int:
        """Return the same for all: images have one size."""
        return 0

    def collate(self, items: Sequence[tuple[Tensor, Scene]]) -> Batch:
        """Return ``images`` uint8 (B, 3, S, S), and what ``collate_scenes`` returns."""
        scenes = collate_scenes([scene for _, scene in items], [1] * len(items))
        return {"images": torch.stack([image for image, _ in items]), **scenes}


class PairItems(AnswerItems):
    """Rows of questions, each with its answer and behind it a rejected one, which share the question."""

    def wanted(self, question: Question) -> bool:
        """Return whether a question is to be asked, and has a rejected answer."""
        return super().wanted(question) and bool(question.rejected)

    def answers(self, question: Question) -> list[tuple[int, ...]]:
        """Return the right answer and the rejected one."""
        return [self.writer.right(question), self.writer.answer(question.rejected)]


def next_usable(views: Sequence[View], items: Items, index: int) -> int:
    """Return the first index from ``index`` on, around the end, of a view that a stage can learn from.

    Views are looked at only as they are needed, as there may be many of them, with large images.

    Raises:
        DatasetError: there is none.
    """
    for step in range(len(views)):
        candidate = (index + step) % len(views)
        if items.usable(views[candidate]):
            return candidate
    raise DatasetError(f"none of the {len(views)} views has anything to learn from for this stage")
