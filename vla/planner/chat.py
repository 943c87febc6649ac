"""What a planner needs of a model that sees and answers, whatever the model is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from vla.planner.phrases import CHOICES
from vla.types import Box
from vla.vlm.processing import Frame
from vla.vlm.prompts import Answer


class Conversation(Protocol):
    """Questions about the same pictures; each stands alone."""

    def plan(self, question: str, choices: Collection[str] = CHOICES, objects: Sequence[str] = ()) -> Answer:
        """Answer a question that ``vla.vlm.prompts.plan_question`` has made.

        Args:
            question: for the next subgoal.
            choices: what the plan may be, beside a refusal; at least one skill.
            objects: phrases that it may name; empty for those that the model may always name.

        Raises:
            PlanError: the answer is no plan.
            LinkError: the model cannot be reached just now.
        """
        ...

    def choose(self, question: str, options: Sequence[str]) -> tuple[float, ...]:
        """Return how probable each of several answers is, relative to the others; they sum to 1.

        Raises:
            LinkError: the model cannot be reached just now.
        """
        ...

    def locate(self, phrase: str) -> Box | None:
        """Return where a thing is in the first picture; None if it is not there.

        Raises:
            LinkError: the model cannot be reached just now.
        """
        ...

    def answer(self, question: str) -> str:
        """Answer anything, in words.

        Raises:
            LinkError: the model cannot be reached just now.
        """
        ...


class Chat(Protocol):
    """A vision-language model that answers."""

    def look(self, pictures: Mapping[str, Frame]) -> Conversation:
        """Show pictures by what they show, in order; see `vla.vlm.examples.View.cameras`."""
        ...
