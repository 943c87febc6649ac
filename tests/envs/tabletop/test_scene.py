import numpy as np
import pytest

from envs.tabletop.drafts import ASIDE
from envs.tabletop.scene import GAP, RADII, Scene, draw_phrases, within_reach
from envs.tabletop.tasks import PICTURED, TASKS, assign, draw_free_scene
from vla.language import BUTTON, CONTAINERS, expand, parse

SEEDS = range(8)


def assert_free_of_overlap(scene: Scene):
    for i, a in enumerate(scene.items):
        for b in scene.items[:i]:
            distance = np.hypot(a.x - b.x, a.y - b.y)
            assert distance > RADII[a.kind] + RADII[b.kind] + GAP


@pytest.mark.parametrize("task", TASKS)
def test_scenes_have_room_and_what_the_task_needs(task):
    for seed in SEEDS:
        assignment = assign(task, seed)
        scene = assignment.scene
        assert_free_of_overlap(scene)
        assert all(within_reach(np.array([item.x, item.y])) for item in scene.items)
        assert len(set(scene.phrases)) == len(scene.phrases)
        assert BUTTON in scene.phrases
        assert {step.object for step in assignment.steps} <= set(scene.phrases)
        assert len([p for p in scene.phrases if p in CONTAINERS]) <= 2


@pytest.mark.parametrize("task", [name for name, task in TASKS.items() if task.info.group != PICTURED])
@pytest.mark.parametrize("wording", ["train", "test"])
def test_every_wording_means_the_steps_of_the_task(task, wording):
    family = TASKS[task]
    seen = set()
    for seed in range(30):
        assignment = assign(task, seed, wording)
        understood = expand(parse(assignment.instruction), assignment.scene.phrases)
        assert sorted(s.text for s in understood) == sorted(s.text for s in assignment.steps), assignment.instruction
        seen.add(assignment.instruction)
    assert len(seen) >= min(len(family.test_wordings), 2)


@pytest.mark.parametrize("seed", range(30))
def test_left_and_right_of_a_container_are_clear(seed):
    assignment = assign("left_or_right", seed)
    (wanted,), scene = assignment.steps, assignment.scene
    side, anchor = assignment.instruction.split()[-4], assignment.instruction.split()[-1]
    sign = {"left": -1, "right": 1}[side]
    offsets = {
        item.phrase: sign * (item.y - scene.item(anchor).y)
        for item in scene.items
        if item.kind == scene.item(wanted.object).kind
    }
    assert offsets.pop(wanted.object) > ASIDE
    (other,) = offsets.values()
    assert other < -ASIDE


@pytest.mark.parametrize("seed", range(30))
def test_everything_but_a_colour_leaves_that_colour_and_nothing_else(seed):
    assignment = assign("except_colour", seed, "test")
    moved = {step.object for step in assignment.steps}
    left = {item.phrase for item in assignment.scene.items if item.movable} - moved
    (colour,) = {phrase.split()[0] for phrase in left}
    assert colour in assignment.instruction and not any(phrase.startswith(colour) for phrase in moved)


def test_held_out_wordings_are_held_out():
    for task in TASKS.values():
        assert not set(task.train_wordings) & set(task.test_wordings)


def test_same_seed_same_scene_and_other_seed_another():
    for task in ("pick", "sort"):
        assert assign(task, 3) == assign(task, 3)
        assert assign(task, 3) != assign(task, 4)
    assert draw_free_scene(5) == draw_free_scene(5)


def test_distractors_respect_exclusion():
    rng = np.random.default_rng(0)
    for _ in range(50):
        phrases = draw_phrases(rng, ["red cube"], 6, exclude=["bowl", "blue cube"])
        assert "red cube" in phrases and "bowl" not in phrases and "blue cube" not in phrases
