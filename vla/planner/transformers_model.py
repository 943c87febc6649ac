"""Any image-text-to-text model of transformers as a planner's model; it answers in JSON."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from jinja2.exceptions import TemplateError
from torch import Tensor
from transformers import AutoModelForImageTextToText, AutoProcessor, LogitsProcessorList

from vla.errors import CheckpointError, ConfigError
from vla.planner.phrases import CHOICES
from vla.planner.plan_grammar import PlanGrammars, json_box_grammar, json_plan_grammar
from vla.planner.plan_json import SYSTEM, box_question, choice_question, read_box, read_json
from vla.types import Box
from vla.vlm.constraint import Grammar, Guide
from vla.vlm.processing import Frame, as_picture
from vla.vlm.prompts import Answer

WORDS = 64
"""Most tokens of an answer in words."""


class TransformersModel:
    """Answers of an image-text-to-text model.

    Args:
        model: in evaluation mode.
        processor: its own; its tokenizer must be a fast one.
        max_tokens: most tokens of a plan.
        objects: phrases that a plan may name; empty for any words.

    Raises:
        ConfigError: ``max_tokens`` is too short for a plan, or an object is no phrase.
    """

    def __init__(self, model: Any, processor: Any, max_tokens: int = 160, objects: Sequence[str] = ()) -> None:
        self.model, self.processor, self.max_tokens = model, processor, max_tokens
        self.guide = Guide(processor.tokenizer)
        self.plans, self.boxes = PlanGrammars(partial(json_plan_grammar, max_tokens), objects), json_box_grammar()

    @classmethod
    def load(
        cls, name: str, device: str = "cpu", max_tokens: int = 160, objects: Sequence[str] = ()
    ) -> TransformersModel:
        """Load a model by its folder or hub id.

        Raises:
            CheckpointError: none can be loaded under that name.
        """
        kind = torch.float32 if device == "cpu" else "auto"
        try:
            model: Any = AutoModelForImageTextToText.from_pretrained(name, dtype=kind)
            processor: Any = AutoProcessor.from_pretrained(name)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise CheckpointError(
                f"model={name} is neither a folder nor a hub id of an image-text-to-text model that can be loaded: "
                f"{str(error).splitlines()[0]}"
            ) from error
        return cls(model.to(device).eval(), processor, max_tokens, objects)

    def look(self, pictures: Mapping[str, Frame]) -> TransformersConversation:
        """Show pictures; they are read anew for each question."""
        return TransformersConversation(self, pictures)


class TransformersConversation:
    """Questions to a transformers model about the same pictures."""

    def __init__(self, asked: TransformersModel, pictures: Mapping[str, Frame]) -> None:
        self._asked = asked
        self._pictures = {camera: as_picture(picture) for camera, picture in pictures.items()}

    def plan(self, question: str, choices: Collection[str] = CHOICES, objects: Sequence[str] = ()) -> Answer:
        """Answer a question for the next subgoal; see `Conversation`."""
        return read_json(self._write(question, self._asked.plans(choices, objects), self._asked.max_tokens))

    @torch.inference_mode()
    def choose(self, question: str, options: Sequence[str]) -> tuple[float, ...]:
        """Return the probabilities of answers that begin with different tokens; see `Conversation`.

        Raises:
            ConfigError: two answers begin with the same tokens.
        """
        scores = self._asked.model(**self._inputs(choice_question(question, options))).logits[0, -1].float()
        firsts = first_tokens(self._asked.processor.tokenizer, options)
        return tuple(torch.stack([scores[list(ids)].logsumexp(dim=0) for ids in firsts]).softmax(dim=0).tolist())

    def locate(self, phrase: str) -> Box | None:
        """Return where a thing is; see `Conversation`."""
        return read_box(self._write(box_question(phrase), self._asked.boxes, 40))

    def answer(self, question: str) -> str:
        """Answer anything in words; see `Conversation`."""
        return self._write(question, None, WORDS).strip()

    @torch.inference_mode()
    def _write(self, question: str, grammar: Grammar | None, max_tokens: int) -> str:
        inputs = self._inputs(question)
        start = inputs["input_ids"].shape[1]
        guide = self._asked.guide
        holds = [guide.processor(grammar, start)] if grammar is not None else []
        tokens: Tensor = self._asked.model.generate(
            **inputs,
            logits_processor=LogitsProcessorList(holds),
            max_new_tokens=max_tokens,
            do_sample=False,
            eos_token_id=guide.end,
            pad_token_id=guide.end,
        )
        written = tokens[0, start:].tolist()
        text = guide.tokenizer.decode([token for token in written if token != guide.end], skip_special_tokens=True)
        assert isinstance(text, str)
        return text

    def _inputs(self, question: str) -> Any:
        """Return the model's inputs: instructions, pictures, question."""
        processor = self._asked.processor
        pictures = [
            part
            for camera, picture in self._pictures.items()
            for part in ({"type": "text", "text": f"{camera}: "}, {"type": "image", "image": picture})
        ]
        options: dict[str, Any] = {"add_generation_prompt": True, "tokenize": True, "return_dict": True}
        if getattr(processor, "chat_template", None) is None:
            token = getattr(processor, "image_token", "<image>")
            prompt = f"{token * len(self._pictures)}{SYSTEM}\n{question}\n"
            inputs = processor(text=prompt, images=list(self._pictures.values()) or None, return_tensors="pt")
            return inputs.to(self._asked.model.device)
        system = {"role": "system", "content": [{"type": "text", "text": SYSTEM}]}
        user = {"role": "user", "content": [*pictures, {"type": "text", "text": question}]}
        try:
            inputs = processor.apply_chat_template([system, user], return_tensors="pt", **options)
        except TemplateError:  # a template without instructions
            user["content"] = [*pictures, {"type": "text", "text": f"{SYSTEM}\n{question}"}]
            inputs = processor.apply_chat_template([user], return_tensors="pt", **options)
        return inputs.to(self._asked.model.device)


def first_tokens(tokenizer: Any, options: Sequence[str]) -> list[set[int]]:
    """Return the tokens with which each answer may begin: small or capital letter, after a space or not.

    Raises:
        ConfigError: an answer begins with no token that tells it from the others.
    """
    found = [
        {
            tokenizer(space + word, add_special_tokens=False)["input_ids"][0]
            for space in ("", " ")
            for word in (option, option.capitalize())
        }
        for option in options
    ]
    own = [ids - set().union(*(other for j, other in enumerate(found) if j != i)) for i, ids in enumerate(found)]
    if empty := [option for option, ids in zip(options, own, strict=True) if not ids]:
        raise ConfigError(f"the model's first token does not tell the answer {empty[0]!r} from {json.dumps(options)}")
    return own
