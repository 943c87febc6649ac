"""Our vision-language model as a planner's model: it answers in the sentences that it was trained on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from vla.planner.phrases import CHOICES, check_step
from vla.planner.plan_grammar import PlanGrammars, location_grammar, sentence_grammar
from vla.types import Box
from vla.vlm import VisionLanguageModel, VlmProcessor
from vla.vlm.bundle import load_vlm
from vla.vlm.decoding import Decoder, Prefix
from vla.vlm.grounding import ABSENT
from vla.vlm.processing import Frame
from vla.vlm.prompts import BEFORE, Answer, locate_question, read_answer
from vla.vlm.vocabulary import location_ids

WORDS = 48
"""Most tokens of an answer in words."""


class OwnModel:
    """Answers of a `VisionLanguageModel`.

    Args:
        model: the model.
        processor: its processor.
        max_tokens: most tokens of a plan.
        objects: phrases that a plan may name; empty for any words.

    Raises:
        ConfigError: ``max_tokens`` is too short for a plan, or an object is no phrase.
    """

    def __init__(
        self, model: VisionLanguageModel, processor: VlmProcessor, max_tokens: int = 160, objects: Sequence[str] = ()
    ) -> None:
        self.decoder, self.max_tokens = Decoder(model, processor), max_tokens
        locations = processor.locations
        ids = location_ids(processor.tokenizer, locations)
        self.plans = PlanGrammars(partial(sentence_grammar, locations, ids, max_tokens), objects)
        self.boxes = location_grammar(locations, ids)

    @classmethod
    def load(
        cls, folder: str | Path, device: str = "cpu", max_tokens: int = 160, objects: Sequence[str] = ()
    ) -> OwnModel:
        """Load a folder; see `vla.vlm.bundle.load_vlm`.

        Raises:
            CheckpointError: there is no model in it.
        """
        return cls(*load_vlm(folder, device=device), max_tokens, objects)

    def look(self, pictures: Mapping[str, Frame]) -> OwnConversation:
        """Read pictures once for all questions about them: those that the model has learned from.

        Where it knows what a camera showed before, and that is not given, nothing has changed.
        """
        known = self.decoder.model.config.cameras
        shown = {name: pictures.get(name, pictures.get(name.removesuffix(BEFORE))) for name in known}
        given = {name: picture for name, picture in shown.items() if picture is not None}
        return OwnConversation(self, self.decoder.look(given or pictures))


class OwnConversation:
    """Questions to our model about the same pictures."""

    def __init__(self, own: OwnModel, prefix: Prefix) -> None:
        self._own, self._prefix = own, prefix

    def plan(self, question: str, choices: Collection[str] = CHOICES, objects: Sequence[str] = ()) -> Answer:
        """Answer a question for the next subgoal; see `Conversation`."""
        written = self._prefix.write(question, self._own.plans(choices, objects), self._own.max_tokens)
        answer = read_answer(written.text, self._own.decoder.processor.locations)
        if answer.step is not None:
            check_step(answer.step)
        return answer

    def choose(self, question: str, options: Sequence[str]) -> tuple[float, ...]:
        """Return the probabilities of answers that begin with different tokens; see `Conversation`."""
        tokenizer = self._own.decoder.processor.tokenizer
        first = [tokenizer(option, add_special_tokens=False)["input_ids"][0] for option in options]  # pyright: ignore[reportIndexIssue]
        return tuple(self._prefix.scores(question)[first].float().softmax(dim=0).tolist())

    def locate(self, phrase: str) -> Box | None:
        """Return where a thing is; see `Conversation`."""
        text = self._prefix.write(locate_question(phrase), self._own.boxes, 32).text
        return None if text == ABSENT else self._own.decoder.processor.locations.read_box(text)

    def answer(self, question: str) -> str:
        """Answer anything in words; see `Conversation`."""
        return self._prefix.write(question, None, WORDS).text.strip()
