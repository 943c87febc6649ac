"""Questions and answers as tokens, exactly as a planner's prompts become tokens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import cast

from vla.types import Box
from vla.vlm.chat import IMAGE
from vla.vlm.examples import Question
from vla.vlm.processing import VlmProcessor
from vla.vlm.prompts import conversation, fill_boxes

_MARK = "PROMPT"


class TurnWriter:
    """Writes turns of a conversation in the chat template of a model.

    Args:
        processor: of the model.
    """

    def __init__(self, processor: VlmProcessor) -> None:
        self.processor = processor
        self.end = cast(int, processor.tokenizer.eos_token_id)
        self._frame = lru_cache(maxsize=64)(self._make_frame)

    def images(self, cameras: Sequence[str]) -> tuple[int, ...]:
        """Return the tokens up to the last image."""
        return self._frame(tuple(cameras))[0]

    def question(self, prompt: str, cameras: Sequence[str]) -> tuple[int, ...]:
        """Return the tokens from behind the last image to where the answer begins."""
        _, before, after = self._frame(tuple(cameras))
        return self._tokens(before + prompt + after)

    def answer(self, text: str, boxes: Sequence[Box] = ()) -> tuple[int, ...]:
        """Return the tokens of an answer, the end of the turn included."""
        return (*self._tokens(fill_boxes(text, boxes, self.processor.locations)), self.end)

    def right(self, question: Question) -> tuple[int, ...]:
        """Return the tokens of a question's answer."""
        return self.answer(question.answer, question.boxes)

    def _make_frame(self, cameras: tuple[str, ...]) -> tuple[tuple[int, ...], str, str]:
        """Return the tokens up to the last image, and the texts from there to the prompt and behind it."""
        text = self.processor.apply_chat_template(conversation(_MARK, cameras), add_generation_prompt=True)
        images, mark, rest = str(text).rpartition(IMAGE) if cameras else ("", "", str(text))
        before, _, after = rest.rpartition(_MARK)
        placeholders = IMAGE * self.processor.tokens_per_image
        return self._tokens((images + mark).replace(IMAGE, placeholders), begins=True), before, after

    def _tokens(self, text: str, *, begins: bool = False) -> tuple[int, ...]:
        return tuple(cast(list[int], self.processor.tokenizer(text, add_special_tokens=begins)["input_ids"]))
