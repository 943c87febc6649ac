"""A model behind an OpenAI-compatible endpoint as a planner's model; it answers in JSON."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from vla.errors import PlanError
from vla.planner.endpoint import Endpoint
from vla.planner.phrases import CHOICES, in_both
from vla.planner.plan_json import SYSTEM, box_question, box_schema, choice_question, plan_schema, read_box, read_json
from vla.types import Box
from vla.vlm.processing import Frame, as_picture
from vla.vlm.prompts import Answer

WORDS = 64
"""Most tokens of an answer in words."""


class OpenAiModel:
    """Answers of an endpoint.

    Args:
        endpoint: where to ask.
        max_tokens: most tokens of a plan.
        objects: phrases that a plan may name; empty for any words.
    """

    def __init__(self, endpoint: Endpoint, max_tokens: int = 300, objects: Sequence[str] = ()) -> None:
        self.endpoint, self.max_tokens, self.objects = endpoint, max_tokens, objects

    def look(self, pictures: Mapping[str, Frame]) -> OpenAiConversation:
        """Encode pictures once for all questions about them."""
        return OpenAiConversation(self, {camera: data_url(picture) for camera, picture in pictures.items()})


class OpenAiConversation:
    """Questions to an endpoint about the same pictures."""

    def __init__(self, asked: OpenAiModel, urls: Mapping[str, str]) -> None:
        self._asked, self._urls = asked, urls

    def plan(self, question: str, choices: Collection[str] = CHOICES, objects: Sequence[str] = ()) -> Answer:
        """Answer a question for the next subgoal; see `Conversation`."""
        schema = plan_schema(in_both(objects, self._asked.objects), choices)
        return read_json(self._ask(question, self._asked.max_tokens, schema)["message"]["content"])

    def choose(self, question: str, options: Sequence[str]) -> tuple[float, ...]:
        """Return how probable answers are; an endpoint that tells no probabilities is sure. See `Conversation`."""
        schema = {
            "type": "object",
            "properties": {"answer": {"enum": list(options)}},
            "required": ["answer"],
            "additionalProperties": False,
        }
        choice = self._ask(choice_question(question, options), 40, schema, probabilities=True)
        return read_choice(choice, options)

    def locate(self, phrase: str) -> Box | None:
        """Return where a thing is; see `Conversation`."""
        return read_box(self._ask(box_question(phrase), 60, box_schema())["message"]["content"])

    def answer(self, question: str) -> str:
        """Answer anything in words; see `Conversation`."""
        return self._ask(question, WORDS)["message"]["content"].strip()

    def _ask(
        self, question: str, max_tokens: int, schema: Mapping[str, Any] | None = None, *, probabilities: bool = False
    ) -> Mapping[str, Any]:
        pictures = [
            part
            for camera, url in self._urls.items()
            for part in ({"type": "text", "text": f"{camera}: "}, {"type": "image_url", "image_url": {"url": url}})
        ]
        messages = [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": [*pictures, {"type": "text", "text": question}]},
        ]
        return self._asked.endpoint.complete(messages, max_tokens, schema, probabilities=probabilities)


def data_url(picture: Frame) -> str:
    """Return a picture as a data URL."""
    file = io.BytesIO()
    as_picture(picture).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def read_choice(choice: Mapping[str, Any], options: Sequence[str]) -> tuple[float, ...]:
    """Return the probabilities of the answers to a question of which ``{"answer": ...}`` is one.

    Where the endpoint tells the probabilities of tokens, those in the place where the answer begins count.

    Raises:
        PlanError: the answer is none of the options.
    """
    text = choice["message"]["content"]
    try:
        answered = json.loads(text)["answer"]
        place = options.index(answered)
    except (ValueError, KeyError, TypeError) as error:
        raise PlanError(f"{text[:200]!r} is none of the answers {', '.join(options)}") from error
    sure = tuple(float(index == place) for index in range(len(options)))
    written = ""
    for token in (choice.get("logprobs") or {}).get("content") or ():
        if _begun(written + token["token"]):
            weights = [0.0] * len(options)
            for other in token.get("top_logprobs") or ():
                start = _begun(written + other["token"])
                fitting = [index for index, option in enumerate(options) if start and option.startswith(start)]
                if len(fitting) == 1:
                    weights[fitting[0]] += math.exp(other["logprob"])
            total = sum(weights)
            return tuple(weight / total for weight in weights) if total else sure
        written += token["token"]
    return sure


def _begun(text: str) -> str:
    """Return the letters of the answer that have been written so far."""
    _, colon, value = text.partition(":")
    value = value.lstrip()
    return value[1:].rstrip('"} \n') if colon and value.startswith('"') else ""
