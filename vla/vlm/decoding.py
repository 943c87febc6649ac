"""Questions about the same pictures: these are read once, and their keys and values serve every question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vla.errors import ConfigError
from vla.vlm.chat import IMAGE
from vla.vlm.constraint import Grammar, Guide
from vla.vlm.modeling import VisionLanguageModel
from vla.vlm.processing import Frame, VlmProcessor
from vla.vlm.prompts import conversation

QUESTION = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands for the question while the chat template is filled in."""


@dataclass(frozen=True)
class Written:
    """What a model has written."""

    text: str
    tokens: tuple[int, ...]
    complete: bool
    """Whether it came to an end, and was not cut off."""
    alternatives: tuple[Tensor, ...]
    """Log probabilities (V,) that each token was chosen from."""


class Decoder:
    """A model with its processor, ready to answer.

    Args:
        model: in evaluation mode.
        processor: its own.
    """

    def __init__(self, model: VisionLanguageModel, processor: VlmProcessor) -> None:
        self.model, self.processor = model, processor
        self.guide = Guide(processor.tokenizer)
        assert model.generation_config is not None
        self.suppressed: list[int] = list(model.generation_config.suppress_tokens or [])

    @property
    def longest(self) -> int | None:
        """Most tokens that prompt and answer may have; None where the model names no limit."""
        return getattr(self.model.config.text, "max_position_embeddings", None)

    def look(self, pictures: Mapping[str, Frame]) -> Prefix:
        """Read pictures, by their cameras; they come before the question as they do in training."""
        messages = conversation(QUESTION, list(pictures))
        return self.begin(messages, list(pictures.values()))

    def begin(self, messages: Sequence[Mapping[str, Any]], pictures: Sequence[Frame]) -> Prefix:
        """Read messages up to their last picture.

        Args:
            messages: for the chat template; `QUESTION` stands where the question belongs, if it does not end there.
            pictures: in the order of their places.
        """
        turns: Any = list(messages)
        prompt = str(self.processor.apply_chat_template(turns, add_generation_prompt=True))
        head, image, rest = prompt.rpartition(IMAGE)
        before, _, after = rest.partition(QUESTION)
        return Prefix(self, head + image, (before, after), pictures)


class Prefix:
    """The part of a prompt that comes before the question, read already.

    Args:
        decoder: answers.
        head: text up to the last picture, with a placeholder for each.
        around: texts from there to the question, and behind it.
        pictures: for the placeholders.
    """

    def __init__(self, decoder: Decoder, head: str, around: tuple[str, str], pictures: Sequence[Frame]) -> None:
        self._decoder, self._around = decoder, around
        inputs = decoder.processor(text=head, images=list(pictures) or None)
        self._ids: Tensor = inputs["input_ids"].long().to(decoder.model.device)
        pixels = inputs.get("pixel_values")
        self._cache = None
        self._length = self._ids.shape[1]
        if self._length:
            self._advance(self._ids, None if pixels is None else pixels.to(decoder.model.device))

    def length(self, question: str) -> int:
        """Return how many tokens the prompt has with a question."""
        return self._length + self._tokens(question).shape[1]

    def scores(self, question: str) -> Tensor:
        """Return the scores (V,) of the token with which the answer to a question begins."""
        last = self._advance(self._tokens(question))
        self._forget()
        return last[0]

    def write(self, question: str, grammar: Grammar | None = None, max_tokens: int = 64) -> Written:
        """Answer a question with the likeliest tokens.

        Args:
            question: words of the user.
            grammar: what may be written; None for anything.
            max_tokens: most tokens of the answer, its end included.

        Raises:
            ConfigError: pictures, question and answer are longer than the model can take.
        """
        decoder = self._decoder
        asked = self._tokens(question)
        start = self._length + asked.shape[1]
        if decoder.longest is not None and start + max_tokens > decoder.longest:
            raise ConfigError(
                f"the prompt has {start} tokens, which with {max_tokens} for the answer are more than the model's "
                f"{decoder.longest}"
            )
        hold = decoder.guide.processor(grammar, start) if grammar is not None else None
        ids = torch.cat([self._ids, asked], dim=1)
        last = self._advance(asked)
        written: list[int] = []
        alternatives: list[Tensor] = []
        complete = False
        while len(written) < max_tokens and not complete:
            last[:, decoder.suppressed] = -torch.inf
            allowed = hold(ids, last) if hold is not None else last
            alternatives.append(allowed[0].float().log_softmax(dim=0))
            token = int(allowed[0].argmax())
            complete = token == decoder.guide.end
            if not complete:
                written.append(token)
                following = torch.tensor([[token]], device=ids.device)
                ids = torch.cat([ids, following], dim=1)
                if len(written) < max_tokens:
                    last = self._advance(following)
        self._forget()
        text = decoder.processor.tokenizer.decode(written)
        assert isinstance(text, str)
        return Written(text, tuple(written), complete, tuple(alternatives))

    def _tokens(self, question: str) -> Tensor:
        before, after = self._around
        text = before + plain(question) + after
        tokens = self._decoder.processor.tokenizer(text, add_special_tokens=False, return_tensors="pt")
        ids = tokens["input_ids"]
        assert isinstance(ids, Tensor)
        return ids.long().to(self._decoder.model.device)

    @torch.no_grad()
    def _advance(self, ids: Tensor, pixels: Tensor | None = None) -> Tensor:
        """Read tokens (1, L), return the scores (1, V) of the one after them."""
        output = self._decoder.model(
            input_ids=ids, pixel_values=pixels, past_key_values=self._cache, use_cache=True, logits_to_keep=1
        )
        self._cache = output.past_key_values
        assert output.logits is not None
        return output.logits[:, -1].clone()

    def _forget(self) -> None:
        """Forget question and answer."""
        if not self._length:
            self._cache = None
        elif self._cache is not None:
            self._cache.crop(self._length)


def plain(text: str) -> str:
    """Return a user's words without anything that a tokenizer takes for a token of its own, such as ``<image>``."""
    return text.replace("<|", "< |").replace("<image>", "< image>").replace("<crop>", "< crop>")
