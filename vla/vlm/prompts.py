"""What a model is asked as a planner, and how its answers are written and read; training data and planner share it.

Answers are single sentences. Boxes stand in them as `BOX`, one for each box that goes with the text; a model's own
way of writing boxes takes their place with ``fill_boxes``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vla.errors import PlanError
from vla.language import Step
from vla.types import Box
from vla.vlm.grounding import Grounding

BOX = "<box>"
"""Where a box belongs in a text."""
BEFORE = " before"
"""Ends the name of what a camera showed when the subgoal began."""
DONE = "done"
REFUSAL = "refuse: "
YES, NO, UNSEEN = "yes", "no", "cannot see"
"""Answers to a subgoal's question."""

_STEPS = {
    "pick": re.compile(r"pick up the (?P<object>.+)"),
    "place": re.compile(r"place the (?P<object>.+) (?:in|on) the (?P<place>.+)"),
    "stack": re.compile(r"stack the (?P<object>.+) on the (?P<place>.+)"),
    "push": re.compile(r"push the (?P<object>.+) to the (?P<place>.+)"),
    "press": re.compile(r"press the (?P<object>.+)"),
}


@dataclass(frozen=True)
class Body:
    """What an arm knows of itself without looking."""

    gripper: float
    """Measured opening [0-100]."""
    at_rest: bool
    """Whether it is where it was when the episode began, but for the gripper."""


@dataclass(frozen=True)
class Situation:
    """What a planner knows besides what it sees."""

    instruction: str
    """The user's own words."""
    reached: tuple[str, ...] = ()
    """Texts of the subgoals that have been reached, oldest first."""
    failed: tuple[str, ...] = ()
    """Texts of those that have not, oldest first."""
    body: Body | None = None


@dataclass(frozen=True)
class Answer:
    """What a planner answers: a step, or a reason to refuse, or neither if everything is done."""

    step: Step | None = None
    box: Box | None = None
    """Grounding of what the step approaches, in the front camera."""
    refusal: str = ""


def conversation(prompt: str, cameras: Sequence[str]) -> list[dict[str, Any]]:
    """Return messages for a chat template that ask ``prompt`` about one image of each camera, each after its name."""
    images = [part for camera in cameras for part in ({"type": "text", "text": f"{camera} "}, {"type": "image"})]
    return [{"role": "user", "content": [*images, {"type": "text", "text": f"\n{prompt}"}]}]


def plan_question(situation: Situation) -> str:
    """Return the question for the next subgoal."""
    lines = [f"Instruction: {situation.instruction}"]
    if situation.reached:
        lines.append(f"Reached: {'; '.join(situation.reached)}")
    if situation.failed:
        lines.append(f"Failed: {'; '.join(situation.failed)}")
    return "\n".join([*lines, *_told(situation.body), "Next subgoal?"])


def progress_question(question: str, body: Body | None = None) -> str:
    """Return a subgoal's own question, to be answered by `YES`, `NO` or `UNSEEN`.

    Args:
        question: e.g. ``is the red cube in the bowl?``
        body: of the arm that is to have reached it.
    """
    return "\n".join([*_told(body), question])


def locate_question(phrase: str) -> str:
    """Return the question for a thing's box in the front camera."""
    return f"Where is the {phrase}?"


def write_answer(answer: Answer) -> str:
    """Return an answer as a sentence, with `BOX` for its box."""
    if answer.refusal:
        return REFUSAL + answer.refusal
    if answer.step is None:
        return DONE
    return f"{answer.step.text} {BOX}" if answer.box else answer.step.text


def read_answer(text: str, locations: Grounding) -> Answer:
    """Read what a model has answered.

    Raises:
        PlanError: it is no answer to this question.
    """
    sentence = text.strip()
    if sentence == DONE:
        return Answer()
    if sentence.startswith(REFUSAL) and (reason := sentence.removeprefix(REFUSAL).strip()):
        return Answer(refusal=reason)
    words, _, place = sentence.partition("<" if locations.style == "tokens" else "[")
    step = read_step(words.strip())
    return Answer(step, locations.read_box(sentence) if place else None)


def read_step(text: str) -> Step:
    """Return the step that a subgoal's sentence tells.

    Raises:
        PlanError: it tells none.
    """
    for skill, pattern in _STEPS.items():
        if found := pattern.fullmatch(text):
            return Step(skill, found["object"], found.groupdict().get("place"))
    raise PlanError(f"{text!r} is no subgoal; valid: pick up, place, stack, push or press, and what")


def fill_boxes(text: str, boxes: Sequence[Box], locations: Grounding) -> str:
    """Return a text with its boxes in place of `BOX`.

    Raises:
        PlanError: there are more or fewer boxes than places for them.
    """
    head, *parts = text.split(BOX)
    if len(parts) != len(boxes):
        raise PlanError(f"{text!r} has {len(parts)} places for boxes, but there are {len(boxes)} boxes")
    return head + "".join(locations.write_box(box) + part for box, part in zip(boxes, parts, strict=True))


def _told(body: Body | None) -> list[str]:
    if body is None:
        return []
    return [f"Gripper: {round(body.gripper)}", f"Arm: {'at rest' if body.at_rest else 'away'}"]
