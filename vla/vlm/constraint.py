"""Holds what a model writes to a grammar, token by token, so that a malformed answer cannot come about.

A grammar is llguidance's: Lark, whose terminals may be intersected (``&``) and complemented (``~``), with single tokens
as ``<[id]>``; or a JSON schema.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from llguidance.hf import from_tokenizer
from torch import Tensor
from transformers import LogitsProcessor, PreTrainedTokenizerBase

from vla.errors import ConfigError


@dataclass(frozen=True)
class Grammar:
    """What may be written."""

    text: str
    """Lark, or a grammar made by ``json_grammar``."""
    then: Callable[[str], str | None] | None = None
    """Given the text once the grammar is complete, returns the grammar of what follows, or None to end."""


def json_grammar(schema: Mapping[str, Any]) -> Grammar:
    """Return the grammar of the JSON texts that fit a schema."""
    spacing: Any = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
    return Grammar(LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides=spacing))


class Guide:
    """Applies grammars to the answers of one tokenizer.

    Args:
        tokenizer: a fast tokenizer of transformers.
        end: token that ends an answer; None for the tokenizer's own.

    Raises:
        ConfigError: the tokenizer has no token that ends an answer.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, end: int | None = None) -> None:
        last = tokenizer.eos_token_id if end is None else end
        if not isinstance(last, int):
            raise ConfigError("the tokenizer has no end-of-text token, without which no grammar can end an answer")
        self.tokenizer, self.end = tokenizer, last
        self._compiled: dict[int, LLTokenizer] = {}

    def check(self, grammar: Grammar) -> None:
        """Make sure that a grammar can be used.

        Raises:
            ConfigError: it cannot; the message says why.
        """
        if problem := LLMatcher.validate_grammar(grammar.text, self.compiled(len(self.tokenizer))):
            raise ConfigError(f"the grammar of the answer is not valid: {problem.splitlines()[0]}")

    def processor(self, grammar: Grammar, prompt_length: int) -> GrammarProcessor:
        """Return what holds the tokens after a prompt of ``prompt_length`` tokens to a grammar."""
        return GrammarProcessor(self, grammar, prompt_length)

    def compiled(self, scores: int) -> LLTokenizer:
        """Return the tokenizer as llguidance takes it, for a model that scores so many tokens."""
        if scores not in self._compiled:
            size = max(scores, len(self.tokenizer))
            self._compiled[scores] = from_tokenizer(self.tokenizer, n_vocab=size, eos_token=self.end)  # pyright: ignore[reportArgumentType]
        return self._compiled[scores]


class GrammarProcessor(LogitsProcessor):
    """Leaves a score only to tokens that the grammar allows next; for one prompt."""

    def __init__(self, guide: Guide, grammar: Grammar, prompt_length: int) -> None:
        self._guide, self._grammar = guide, grammar
        self._start = self._seen = prompt_length
        self._matcher: LLMatcher | None = None
        self._then = grammar.then

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the scores (1, V), those of forbidden tokens minus infinity.

        Args:
            input_ids: prompt and what has been written so far (1, L).
            scores: (1, V).

        Raises:
            ConfigError: more than one prompt, or llguidance cannot go on.
        """
        if len(input_ids) != 1:
            raise ConfigError(f"a grammar holds one answer at a time, not a batch of {len(input_ids)}")
        tokenizer = self._guide.compiled(scores.shape[-1])
        matcher = self._matcher = self._matcher or LLMatcher(tokenizer, self._grammar.text)
        written = input_ids[0, self._start :].tolist()
        for token in written[self._seen - self._start :]:
            matcher.consume_token(token)
        self._seen = input_ids.shape[1]
        if self._then is not None and matcher.is_stopped() and not matcher.is_error():
            following = self._then(str(self._guide.tokenizer.decode(written)))
            self._then = None
            if following is not None:
                matcher = self._matcher = LLMatcher(tokenizer, following)
        allowed = self._allowed(matcher, scores.shape[-1])
        if matcher.is_error():
            raise ConfigError(f"the grammar of the answer: {matcher.get_error()}")
        return scores.masked_fill(~allowed.to(scores.device), -torch.inf)

    def _allowed(self, matcher: LLMatcher, size: int) -> Tensor:
        """Return which tokens may come next (size,)."""
        if matcher.is_stopped():
            return torch.arange(size) == self._guide.end
        packed = np.frombuffer(matcher.compute_bitmask(), np.uint8)
        return torch.from_numpy(np.unpackbits(packed, bitorder="little")[:size].astype(bool))
