"""The grammars of a plan: one skill, one thing, at most one place, never more tokens than there is room for.

A token is at least one byte, so that a text of so many bytes always fits a budget of as many tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache

from vla.errors import ConfigError
from vla.language import DIRECTIONS
from vla.planner.phrases import CHOICES, LONGEST_WORDS, VAGUE, check_phrase, in_both
from vla.vlm.constraint import Grammar
from vla.vlm.grounding import Grounding
from vla.vlm.prompts import DONE

WORD = 9
"""Letters that a word may have in any case: ``turquoise``."""
FEWEST_WORDS = 2
"""Words that a phrase may have in any case."""
LONGEST_REASON = 80
"""Most bytes of a reason to refuse."""
JSON_BOX = 1000
"""Boxes in JSON are in thousandths of the frame."""
KEPT = 64
"""Grammars that are kept, those used last."""
SENTENCES = {
    "pick": '"pick up the " PHRASE',
    "place": '"place the " PHRASE (" in the " | " on the ") PHRASE',
    "stack": '"stack the " PHRASE " on the " PHRASE',
    "push": '"push the " PHRASE " to the " DIRECTION',
    "press": '"press the " PHRASE',
}
"""The step of each skill."""
JSON_STEPS = {
    "pick": '"pick" object',
    "place": '"place" object place PHRASE',
    "stack": '"stack" object place PHRASE',
    "push": '"push" object place DIRECTION',
    "press": '"press" object',
}
"""The same in JSON, from the skill's name on."""


class PlanGrammars:
    """The grammars of a model's plans.

    Args:
        make: makes one of objects and choices, see `sentence_grammar`.
        objects: phrases that a plan may name in any case; empty for any words.

    Raises:
        ConfigError: the budget is too short for a plan, or an object is no phrase.
    """

    def __init__(self, make: Callable[[tuple[str, ...], frozenset[str]], Grammar], objects: Sequence[str] = ()) -> None:
        self._make, self._objects = lru_cache(KEPT)(make), objects
        self()

    def __call__(self, choices: Collection[str] = CHOICES, objects: Sequence[str] = ()) -> Grammar:
        """Return the grammar of one plan.

        Args:
            choices: what it may be, beside a refusal; at least one skill.
            objects: phrases that it may name; empty for those that plans may always name.

        Raises:
            PlanError: none of the objects may be named.
        """
        return self._make(in_both(objects, self._objects), frozenset(choices))


def sentence_grammar(
    locations: Grounding,
    location_ids: Sequence[int],
    budget: int,
    objects: Sequence[str] = (),
    choices: Collection[str] = CHOICES,
) -> Grammar:
    """Return the grammar of the sentences that ``vla.vlm.prompts.read_answer`` reads.

    Args:
        locations: how boxes are written.
        location_ids: tokens of the coordinates, in order; empty if they are written as text.
        budget: most tokens of an answer, its end included.
        objects: phrases to choose from; empty for any words.
        choices: what the plan may be, beside a refusal; at least one skill.

    Raises:
        ConfigError: the budget is too short for a plan, or an object is no phrase.
    """
    box, grounded = _corner(locations, location_ids)
    end = f'"{DONE}" | ' if DONE in choices else ""
    frame = len("place the  in the  ") + (4 if location_ids else len(_widest(locations)))
    text = f"""
start: STEP | {end}REFUSAL | {grounded}
STEP: {_alternatives(SENTENCES, choices)}
{box}
DIRECTION: {_any_of(DIRECTIONS)}
REFUSAL: "refuse: " REASON
{_words(objects, budget, frame)}
{_reason(budget - len("refuse: ") - 1)}
"""
    return Grammar(text, lambda written: _opposite_corner(locations, location_ids, written))


def location_grammar(locations: Grounding, location_ids: Sequence[int]) -> Grammar:
    """Return the grammar of an answer that is a box, or ``none``."""
    if location_ids:
        first = _token_range(location_ids[:-1])
        return Grammar(
            f'start: "none" | {first} {first}',
            lambda written: _opposite_corner(locations, location_ids, written),
        )
    number = _any_of([str(value) for value in range(locations.bins - 1)])
    return Grammar(
        f'start: "none" | CORNER\nNUMBER: {number}\nCORNER: "[" NUMBER ", " NUMBER ","',
        lambda written: _opposite_corner(locations, location_ids, written),
    )


def json_plan_grammar(budget: int, objects: Sequence[str] = (), choices: Collection[str] = CHOICES) -> Grammar:
    """Return the grammar of the JSON that ``vla.planner.plan_json.read_json`` reads.

    Args:
        budget: most tokens of an answer, its end included.
        objects: phrases to choose from; empty for any words.
        choices: what the plan may be, beside a refusal; at least one skill.

    Raises:
        ConfigError: the budget is too short for a plan, or an object is no phrase.
    """
    end = r'"\"done\": true" | ' if DONE in choices else ""
    frame = '{"plan": {"skill": "stack", "object": "", "place": "", "box": [999, 999, 999, 999]}}'
    text = rf"""
start: "{{\"plan\": {{" (step ", \"box\": " BOX | {end}"\"refuse\": \"" REASON "\"") "}}}}"
step: "\"skill\": \"" ({_alternatives(JSON_STEPS, choices)}) "\""
object: "\", \"object\": \"" PHRASE
place: "\", \"place\": \""
BOX: "null" | "[" NUMBER ", " NUMBER ", " NUMBER ", " NUMBER "]"
NUMBER: /0|[1-9][0-9]{{0,2}}/
DIRECTION: {_any_of(DIRECTIONS)}
{_words(objects, budget, len(frame))}
{_reason(budget - len('{"plan": {"refuse": ""}}') - 1)}
"""
    return Grammar(text)


def json_box_grammar() -> Grammar:
    """Return the grammar of the JSON of a box, or of none."""
    number = "/0|[1-9][0-9]{0,2}/"
    numbers = ' ", " '.join(["NUMBER"] * 4)
    return Grammar(
        f'start: ANSWER\nANSWER: "{{\\"box\\": " ("null" | "[" {numbers} "]") "}}"\nNUMBER: {number}\n',
    )


def choice_grammar(options: Sequence[str]) -> Grammar:
    """Return the grammar of an answer that is one of several texts."""
    return Grammar(f"start: CHOICE\nCHOICE: {_any_of(options)}\n")


def _alternatives(steps: Mapping[str, str], choices: Collection[str]) -> str:
    return " | ".join(steps[skill] for skill in steps if skill in choices)


def _words(objects: Sequence[str], budget: int, frame: int) -> str:
    """Return the terminal of a phrase, two of which fit the budget together with a frame of so many bytes."""
    room = (budget - 1 - frame) // 2
    needed = max(map(len, objects), default=FEWEST_WORDS * (WORD + 1) - 1)
    if room < needed:
        raise ConfigError(f"max_tokens={budget} is too short for a plan, which needs {1 + frame + 2 * needed}")
    if objects:
        return f"PHRASE: {_any_of([check_phrase(phrase) for phrase in objects])}"
    words = min(LONGEST_WORDS, (room + 1) // (WORD + 1))
    letters = (room + 1) // words - 1
    return f'WORD: /[a-z]{{1,{letters}}}/ & ~/{"|".join(VAGUE)}/\nPHRASE: WORD (" " WORD){{0,{words - 1}}}'


def _reason(room: int) -> str:
    return f"REASON: /[a-z]([a-z0-9 ,'-]{{0,{min(room, LONGEST_REASON) - 2}}}[a-z0-9])?/"


def _any_of(words: Sequence[str]) -> str:
    return "(" + " | ".join(f'"{word}"' for word in words) + ")"


def _corner(locations: Grounding, location_ids: Sequence[int]) -> tuple[str, str]:
    """Return the terminals of a sentence with the upper left corner of its box, and the rule for them."""
    if location_ids:
        first = _token_range(location_ids[:-1])
        return 'OPEN: STEP " "', f"OPEN {first} {first}"
    number = _any_of([str(value) for value in range(locations.bins - 1)])
    return f'NUMBER: {number}\nOPEN: STEP " [" NUMBER ", " NUMBER ","', "OPEN"


def _opposite_corner(locations: Grounding, location_ids: Sequence[int], written: str) -> str | None:
    """Return the grammar of a box's lower right corner, which is right of and below the other one."""
    _head, sign, tail = written.rstrip().rpartition("[") if not location_ids else ("", "<", written)
    if not sign or not tail.endswith(">" if location_ids else ","):
        return None
    numbers = tail.replace("<loc_", " ").replace(">", " ").replace(",", " ").split()[-2:]
    x0, y0 = (int(number) for number in numbers)
    if location_ids:
        return f"start: {_token_range(location_ids[x0 + 1 :])} {_token_range(location_ids[y0 + 1 :])}"
    right, lower = ([str(value) for value in range(low + 1, locations.bins)] for low in (x0, y0))
    return f'start: CORNER\nCORNER: " " {_any_of(right)} ", " {_any_of(lower)} "]"'


def _token_range(ids: Sequence[int]) -> str:
    """Return the rule for one of several tokens."""
    runs: list[list[int]] = []
    for token in sorted(ids):
        if runs and token == runs[-1][1] + 1:
            runs[-1][1] = token
        else:
            runs.append([token, token])
    return "<[" + ",".join(f"{low}-{high}" if low < high else f"{low}" for low, high in runs) + "]>"


def _widest(locations: Grounding) -> str:
    return f"[{', '.join([str(locations.bins - 1)] * 4)}]"
