"""What is where in the front images of a batch: the truth that tokens are named by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vla.vlm.examples import View
from vla.vlm.processing import VlmProcessor
from vla.vlm.training.packing import Batch
from vla.vlm.training.regions import CAMERA, covered, visible


@dataclass(frozen=True)
class Scene:
    """Objects in one image, R of them."""

    image: int
    """Which of the view's images."""
    words: tuple[tuple[int, ...], ...]
    """Tokens of each object's phrase."""
    states: tuple[tuple[int, ...], ...]
    """Tokens of what each is in or on; none where that is not known."""
    areas: Tensor
    """Part of each object that lies in each place (R, M)."""
    boxes: Tensor
    """Left, upper, right and lower edge (R, 4), fractions of the frame."""


def has_scene(view: View) -> bool:
    """Return whether it is known what a view's front image shows."""
    return CAMERA in view.cameras and bool(visible(view))


def read_scene(view: View, processor: VlmProcessor, side: int) -> Scene | None:
    """Return what a view's front image shows; None if it has none, or nothing is known of it.

    Args:
        view: the view.
        processor: of the model.
        side: places along each side of the image.
    """
    if not has_scene(view):
        return None
    regions = visible(view)

    def tokens(text: str) -> tuple[int, ...]:
        return tuple(processor.tokenizer(f" {text}", add_special_tokens=False)["input_ids"]) if text else ()  # type: ignore[arg-type]

    return Scene(
        image=list(view.cameras).index(CAMERA),
        words=tuple(tokens(region.phrase) for region in regions),
        states=tuple(tokens(region.state) for region in regions),
        areas=torch.stack([covered(region.box, side) for region in regions]),
        boxes=torch.tensor([[r.box.x0, r.box.y0, r.box.x1, r.box.y1] for r in regions]),
    )


def collate_scenes(scenes: Sequence[Scene | None], images: Sequence[int]) -> Batch:
    """Return the scenes of a batch.

    Args:
        scenes: one a view, or None.
        images: how many images each view has.

    Returns:
        ``scene`` (S,) the image of each scene among all of the batch; of R objects ``scene_of`` (R,), ``areas`` (R, M)
        and ``boxes`` (R, 4); ``words`` (W,) different tokens, which of them name which object, ``named`` (R, W), and in
        which order, ``spelled`` (R, longest), -1 behind the last; in the same way ``state_words`` and
        ``state_spelled`` for what objects are in or on.
    """
    first = [sum(images[:index]) for index in range(len(images))]
    known = [(scene, start) for scene, start in zip(scenes, first, strict=True) if scene is not None]
    objects = [tokens for scene, _ in known for tokens in scene.words]
    words, spelled = _spell(objects)
    state_words, state_spelled = _spell([tokens for scene, _ in known for tokens in scene.states])
    return {
        "scene": torch.tensor([start + scene.image for scene, start in known], dtype=torch.long),
        "scene_of": torch.tensor([i for i, (scene, _) in enumerate(known) for _ in scene.words], dtype=torch.long),
        "areas": torch.cat([scene.areas for scene, _ in known]) if known else torch.zeros(0, 0),
        "boxes": torch.cat([scene.boxes for scene, _ in known]) if known else torch.zeros(0, 4),
        "words": torch.tensor(words, dtype=torch.long),
        "spelled": spelled,
        "state_words": torch.tensor(state_words, dtype=torch.long),
        "state_spelled": state_spelled,
        "named": torch.tensor([[word in tokens for word in words] for tokens in objects], dtype=torch.bool),
    }


def _spell(objects: Sequence[tuple[int, ...]]) -> tuple[list[int], Tensor]:
    """Return the different words of objects, and each one's as places among them (R, longest), -1 behind the last."""
    words = sorted({word for tokens in objects for word in tokens})
    table = torch.full((len(objects), max(map(len, objects), default=0)), -1)
    for row, tokens in zip(table, objects, strict=True):
        row[: len(tokens)] = torch.tensor([words.index(token) for token in tokens])
    return words, table
