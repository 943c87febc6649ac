import importlib
import pkgutil

import numpy as np
import pytest

import envs.tabletop.questions
from envs.tabletop.questions.drawing import Draw, Wordings, a, held_out, listed
from vla.language import CONTAINERS, DIRECTIONS, MOVABLES

MODULES = [
    importlib.import_module(f"{envs.tabletop.questions.__name__}.{module.name}")
    for module in pkgutil.iter_modules(envs.tabletop.questions.__path__)
]
WORDINGS = [
    pytest.param(value, id=f"{module.__name__.split('.')[-1]}.{name}")
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, Wordings)
]


@pytest.mark.parametrize("wordings", WORDINGS)
def test_test_wordings_are_held_out(wordings):
    assert wordings.train and wordings.test
    assert not {text.lower() for text in wordings.train} & {text.lower() for text in wordings.test}


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_split_draws_its_own_wordings(split):
    draw = Draw(np.random.default_rng(0), split)
    wordings = Wordings(("a {x}", "b {x}"), ("c {x}",))
    drawn = {draw.words(wordings, x="y") for _ in range(50)}
    assert drawn == ({"a y", "b y"} if split == "train" else {"c y"})


def test_some_fifteen_percent_of_the_combinations_are_held_out_of_every_kind_of_place():
    for places in (CONTAINERS, DIRECTIONS, MOVABLES):
        shares = [held_out(thing, place) for thing in MOVABLES for place in places if thing != place]
        assert 0.05 < np.mean(shares) < 0.25
    everything = [held_out(t, p) for t in MOVABLES for p in (*CONTAINERS, *DIRECTIONS, *MOVABLES)]
    assert 0.10 < np.mean(everything) < 0.20


def test_lists_and_articles():
    assert (listed([]), listed(["a"]), listed(["a", "b"])) == ("nothing", "a", "a and b")
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert (a("orange cube"), a("red cube")) == ("an orange cube", "a red cube")
