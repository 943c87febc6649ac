"""More ways to give an instruction."""

from __future__ import annotations

import numpy as np
import pytest

from envs.tabletop.questions import instructions
from envs.tabletop.questions.drawing import Draw, Wordings
from envs.tabletop.questions.rewording import reword
from envs.tabletop.tasks import TASKS

PLAIN = [
    "pick up the red cube",
    "put the red cube in the bowl",
    "push the red cube to the left",
    "press the button",
    "stack the red cube on the blue cube, then press the button",
]


def train_draw(seed: int) -> Draw:
    return Draw(np.random.default_rng(seed), "train")


HELD_OUT = [wording for task in TASKS.values() for wording in task.test_wordings] + [
    wording for value in vars(instructions).values() if isinstance(value, Wordings) for wording in value.test
]


@pytest.mark.parametrize("text", PLAIN)
def test_says_the_same_of_the_same_things_in_many_ways(text: str) -> None:
    said = {reword(text, train_draw(seed)) for seed in range(300)}
    assert len(said) > 60
    for each in said:
        for word in ("red cube", "bowl", "to the left", "button", "blue cube"):
            assert (word in each) == (word in text), each


def test_wordings_of_the_test_split_are_left_alone() -> None:
    draw = Draw(np.random.default_rng(0), "test")
    assert all(reword(text, draw) == text for text in PLAIN for _ in range(20))


def test_makes_no_wording_that_is_held_out() -> None:
    slots = {"a": "red cube", "b": "blue cube", "c": "pink cube", "place": "in the bowl", "direction": "left",
             "shape": "cube", "rest": "on the plate", "a_colour": "red", "b_colour": "blue", "thing": "the red cube",
             "base": "the blue cube", "colour": "red", "where": "in the box", "source": "box",
             "container": "bowl", "side": "left", "anchor": "plate"}  # fmt: skip
    train = [wording for task in TASKS.values() for wording in task.train_wordings] + [
        wording for value in vars(instructions).values() if isinstance(value, Wordings) for wording in value.train
    ]
    made = {reword(wording.format(**slots), train_draw(seed)) for wording in train for seed in range(200)}
    assert len(made) > 2000
    held_out = [wording.format(**slots) for wording in HELD_OUT]
    assert not {(text, known) for text in made for known in held_out if known in text}
