"""English instructions and the canonical sentences of the skills, from text alone.

Imports nothing of ours but the errors, so that planners and simulations can share it.
"""

from vla.language.expansion import Step, expand
from vla.language.parser import Clause, parse
from vla.language.selectors import Selector
from vla.language.vocabulary import (
    BUTTON,
    COLOURS,
    CONTAINERS,
    DIRECTIONS,
    MOVABLES,
    PREPOSITIONS,
    SHAPES,
    SKILLS,
    split_phrase,
    subgoal_question,
    subgoal_text,
)

__all__ = [
    "BUTTON",
    "COLOURS",
    "CONTAINERS",
    "DIRECTIONS",
    "MOVABLES",
    "PREPOSITIONS",
    "SHAPES",
    "SKILLS",
    "Clause",
    "Selector",
    "Step",
    "expand",
    "parse",
    "split_phrase",
    "subgoal_question",
    "subgoal_text",
]
