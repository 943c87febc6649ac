import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from envs.tabletop.questions.drawing import Draw
from envs.tabletop.questions.facts import look
from envs.tabletop.questions.signs import lay_down, paint
from envs.tabletop.questions.visibility import visible_fractions
from envs.tabletop.scene import Item, Scene
from envs.tabletop.world import World
from vla.vlm.prompts import REFUSAL


@pytest.fixture
def world(request):
    items = tuple(Item(phrase, x, y, 0.0) for phrase, x, y in request.param)
    world = World(Scene(items), image_size=(96, 96), level="low")
    yield world
    world.close()


ALONE = [("red cube", 0.2, 0.15)]
BEHIND = [("red cube", 0.20, 0.15), ("bowl", 0.24, 0.17)]


@pytest.mark.parametrize(("world", "low", "high"), [(ALONE, 1.0, 1.0), (BEHIND, 0.0, 0.9)], indirect=["world"])
def test_what_stands_in_front_hides(world, low, high):
    fractions = visible_fractions(world)
    assert low <= fractions["red cube"] <= high
    assert fractions.get("bowl", 1.0) > 0.9


@pytest.mark.parametrize("world", [BEHIND], indirect=True)
def test_looking_leaves_the_picture_as_it_was(world):
    before = world.render("front")
    facts = look(world)
    assert np.array_equal(world.render("front"), before)
    assert facts.phrases == tuple(sorted(facts.phrases, key=lambda phrase: world.box(phrase).center[0]))


@pytest.mark.parametrize("world", [ALONE], indirect=True)
def test_a_card_covers_bare_table_only(world):
    card = lay_down(world, "STOP", Draw(np.random.default_rng(0), "train"))
    assert card is not None
    frame = world.render("front")
    painted = paint(world, "front", frame, card)
    rows, columns = np.nonzero((painted != frame).any(axis=-1))
    corners = world.project(card.corners) * 96
    assert len(rows) > 100
    assert corners[:, 0].min() - 1 <= columns.min() and columns.max() <= corners[:, 0].max() + 1
    box = world.box("red cube")
    cube = np.s_[int(box.y0 * 96) : int(box.y1 * 96), int(box.x0 * 96) : int(box.x1 * 96)]
    assert np.array_equal(painted[cube], frame[cube])


def test_an_episode_is_the_same_whenever_it_is_asked_for(simulations):
    simulation = simulations()
    first = simulation.views(3, "train", 3)
    simulation.views(4, "test", 1)
    assert simulation.views(3, "train", 3) == first
    assert len(first) == 3
    for view in first:
        assert view.cameras == ("front", "wrist", "front before")
        assert {Image.open(io.BytesIO(image)).size for image in view.images} == {(96, 96)}
        assert view.seed == 3 and view.task.startswith("tabletop/")
        for region in view.regions:
            assert 0 < region.visible <= 1


def test_splits_and_seeds_differ(simulations):
    simulation = simulations()
    train, test, other = (simulation.views(*args, 1)[0] for args in ((5, "train"), (5, "test"), (6, "train")))
    assert len({train.images, test.images, other.images}) == 3


def test_signs_are_read_and_not_obeyed(simulations):
    simulation = simulations()
    views = [view for seed in range(5) for view in simulation.views(seed, "train", 3)]
    obeyed = 0
    for view in views:
        plans = {q.prompt: q for q in view.questions if q.kind == "plan"}
        for question in (q for q in view.questions if q.kind == "sign" and q.prompt.startswith("Instruction")):
            truth = json.loads(question.truth)
            if question.prompt in plans:
                obeyed += 1
                plan = plans[question.prompt]
                assert truth.items() <= json.loads(plan.truth).items()
                assert replace(plan, kind="sign", rejected=question.rejected, truth=question.truth) == question
            else:
                assert truth == {"refuse": True} and question.answer.startswith(REFUSAL)
    assert obeyed
