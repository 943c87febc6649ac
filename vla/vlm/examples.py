"""What a vision-language model learns from: views, each with many questions about it.

A dataset is a folder of Parquet shards, ``train/*.parquet`` and ``test/*.parquet``, that ``datasets.load_dataset``
reads. A row is a `View`. Many questions share their images, so that a model need see these only once for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from vla.types import Box

KINDS = (
    "caption",
    "existence",
    "colour",
    "count",
    "relation",
    "state",
    "change",
    "grounding",
    "plan",
    "progress",
    "refusal",
    "sign",
)
"""What questions are about: ``plan`` asks for the next subgoal, ``progress`` whether one is reached, ``change``
compares two moments, ``refusal`` are instructions that cannot or must not be carried out, ``sign`` printed words."""


@dataclass(frozen=True)
class Question:
    """One question about a view."""

    kind: str
    """One of `KINDS`."""
    prompt: str
    """What the user says, without placeholders of images; see `vla.vlm.prompts` for plans and progress."""
    answer: str
    """What is right; boxes are `vla.vlm.prompts.BOX`."""
    boxes: tuple[Box, ...] = ()
    """For ``BOX`` in the answer, in order."""
    rejected: str = ""
    """A tempting wrong answer without boxes, for preference learning; empty for none."""
    truth: str = ""
    """What a metric compares with, as JSON: its form depends on the kind."""


@dataclass(frozen=True)
class Region:
    """An object in the front camera."""

    phrase: str
    """E.g. ``red cube``."""
    box: Box
    visible: float
    """Part of it that nothing hides [0-1]."""
    state: str = ""
    """What it is in or on, or how it is, e.g. ``table``, ``gripper``, ``orange cube``, ``lit``; empty if not known."""


@dataclass(frozen=True)
class View:
    """Frames of one moment, and what can be asked about them."""

    images: tuple[bytes, ...]
    """Encoded pictures, PNG or JPEG, in the order of ``cameras``."""
    cameras: tuple[str, ...]
    """What each shows: ``front``, ``wrist``, or ``front before`` for the front camera when the subgoal began."""
    questions: tuple[Question, ...]
    regions: tuple[Region, ...]
    seed: int
    """Of the scene."""
    task: str
    """Suite and task, e.g. ``tabletop/stack``."""
    time: float
    """Since the start of the episode [s]."""
