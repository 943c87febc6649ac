"""Asks a model the questions of views, in the way the planner does."""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterator
from time import perf_counter

from PIL import Image

from vla.errors import GroundingError, PlanError
from vla.planner.chat import Chat, Conversation
from vla.planner.monitor import ANSWERS
from vla.planner.scoring import Choice, Outcome, Said, asks_for_plan, judge
from vla.vlm.examples import KINDS, Question, View
from vla.vlm.prompts import NO, YES

ASKED = tuple(kind for kind in KINDS if kind not in ("caption", "change"))
"""Kinds of questions that metrics compare; answers of the others are whole sentences."""
GREY = 128
"""Value of the pixels that are shown instead of the pictures."""


def examine(chat: Chat, view: View, kinds: Collection[str] = ASKED, *, blind: bool = False) -> Iterator[Outcome]:
    """Yield how the model answers each question of a view.

    Args:
        chat: the model.
        view: with its questions.
        kinds: which of them to ask.
        blind: show grey pictures instead, to tell what can be guessed.
    """
    questions = [question for question in view.questions if question.kind in kinds]
    if not questions:
        return
    pictures = {camera: decode(image) for camera, image in zip(view.cameras, view.images, strict=True)}
    if blind:
        pictures = {camera: Image.new("RGB", picture.size, (GREY, GREY, GREY)) for camera, picture in pictures.items()}
    begun = perf_counter()
    conversation = chat.look(pictures)
    reading = perf_counter() - begun
    for question in questions:
        begun = perf_counter()
        said = _ask(conversation, question)
        seconds = reading + perf_counter() - begun
        yield judge(question, said, seconds if asks_for_plan(question) else None)


def decode(image: bytes) -> Image.Image:
    """Return an encoded picture."""
    with Image.open(io.BytesIO(image)) as picture:
        return picture.convert("RGB")


def _ask(conversation: Conversation, question: Question) -> Said:
    """Return the answer, an empty text if it makes no sense."""
    try:
        if asks_for_plan(question):
            return conversation.plan(question.prompt)
        match question.kind:
            case "existence":
                return _choose(conversation, question.prompt, (YES, NO))
            case "progress":
                return _choose(conversation, question.prompt, ANSWERS)
            case "grounding":
                return conversation.locate(str(json.loads(question.truth)["phrase"]))
        return conversation.answer(question.prompt)
    except (PlanError, GroundingError):
        return ""


def _choose(conversation: Conversation, prompt: str, options: tuple[str, ...]) -> Choice:
    return Choice(options, tuple(conversation.choose(prompt, options)))
