"""Answers are compared with the world's state, not with the facts that they were made from."""

import re
from dataclasses import replace

import numpy as np

from envs.tabletop.experts.motion import at_ready
from envs.tabletop.oracle import achieved
from envs.tabletop.questions import held_out
from envs.tabletop.questions.drawing import Draw, has_held_out
from envs.tabletop.questions.views import FAMILIES
from vla.language import BUTTON, CONTAINERS, MOVABLES, Step
from vla.vlm.examples import KINDS
from vla.vlm.grounding import ABSENT
from vla.vlm.prompts import BOX, DONE, REFUSAL, UNSEEN, YES, read_step

FAMILIES_OF_PLANS = (
    "task", "others", "all", "everything", "reference", "colour", "contents", "plain", "push", "stack", "recalled"
)  # fmt: skip
THING = re.compile("|".join([*MOVABLES, *CONTAINERS, "button"]))


def of(asked, kind):
    found = [item for item in asked if item.question.kind == kind]
    assert len(found) > 5, f"too few questions about {kind}"
    return found


def named(text):
    return THING.findall(text)


def step_of(item):
    return read_step(item.question.answer.removesuffix(BOX).strip())


def test_every_question_has_a_known_kind_an_answer_and_its_boxes(asked):
    for item in asked:
        question = item.question
        assert question.kind in KINDS and question.prompt and question.answer
        assert question.answer.count(BOX) == len(question.boxes)
        assert question.rejected != question.answer and BOX not in question.rejected
        assert isinstance(item.truth, dict) and item.truth


def test_existence_and_its_negatives(asked):
    answers = []
    for item in of(asked, "existence"):
        (phrase,) = named(item.question.prompt)
        assert item.truth["yes"] == (phrase in item.world.scene.phrases) == (item.question.answer == YES)
        answers.append(item.truth["yes"])
    assert 0.3 < np.mean(answers) < 0.7


def test_counts_are_the_worlds(asked):
    for item in of(asked, "count"):
        world = item.world
        movable = [thing for thing in world.scene.items if thing.movable]
        prompt = item.question.prompt
        if place := re.search(r"objects (?:in|on) the (\w+)", prompt):
            count = sum(world.inside(thing.phrase, place[1]) for thing in movable)
        elif "cubes and cylinders" in prompt:
            count = len(movable)
        elif "containers" in prompt:
            count = sum(thing.kind in CONTAINERS for thing in world.scene.items)
        elif shape := re.search(r"(cube|cylinder)s", prompt):
            count = sum(thing.kind == shape[1] for thing in movable)
        else:
            colour = re.search(r"(\w+) objects", prompt)
            assert colour is not None
            count = sum(thing.colour == colour[1] for thing in movable)
        assert item.question.answer == str(item.truth["count"]) == str(count), prompt


def test_relations_agree_with_positions_in_the_picture_and_on_the_table(asked):
    for item in of(asked, "relation"):
        world, question = item.world, item.question
        a, b = named(question.prompt)
        if "Is the" in question.prompt and "behind the" in question.prompt and " or " in question.prompt:
            assert question.answer in ("in front", "behind")
        if question.prompt.startswith(("On which side", "Which side", "Compared with")):
            a, b = b, a
        shift = world.position(a) - world.position(b)
        left = world.box(a).center[0] < world.box(b).center[0]
        truths = {"left": left, "right": not left, "in front": shift[0] > 0, "behind": shift[0] < 0}
        if question.answer in truths:
            assert truths[question.answer], question.prompt
        else:
            where = re.search(r"to the (left|right) of|(in front|behind)", question.prompt)
            assert where is not None
            assert truths[where[1] or where[2]] == (question.answer == YES), question.prompt


def test_regions_tell_what_things_are_in_or_on(asked):
    told = set()
    for item in of(asked, "existence"):
        world, now = item.world, item.moment.now
        for thing in now.things:
            state = now.state(thing)
            told.add(state)
            if state in CONTAINERS:
                assert world.inside(thing.phrase, state)
            elif state == "gripper":
                assert world.holds(thing.phrase)
            elif state == "lit":
                assert thing.phrase == BUTTON and world.button_pressed
            elif state not in ("table", ""):
                assert world.stacked(thing.phrase, state)
    assert {"table", "gripper"} < told and told & {*CONTAINERS}


def test_states_are_the_worlds(asked):
    for item in of(asked, "state"):
        world, question, phrases = item.world, item.question, named(item.question.prompt)
        if len(phrases) == 2:
            test = world.inside if phrases[1] in CONTAINERS else world.stacked
            assert test(*phrases) == (question.answer == YES), question.prompt
        elif re.search("gripper|hand|robot|grasped|jaws", question.prompt):
            held = [thing.phrase for thing in world.scene.items if thing.movable and world.holds(thing.phrase)]
            assert question.answer in ([*held, "yes"] if held else ["nothing", "no"])
        elif "button" in question.prompt:
            assert world.button_pressed == (question.answer == YES)
        elif phrases[0] in CONTAINERS:
            assert all(world.inside(inner, phrases[0]) for inner in named(question.answer))


def test_boxes_surround_the_projected_centre_and_absent_things_have_none(asked):
    for item in of(asked, "grounding"):
        world, phrase = item.world, item.truth["phrase"]
        if item.question.answer == ABSENT:
            assert phrase not in world.scene.phrases
            continue
        (box,) = item.question.boxes
        u, v = world.project(world.position(phrase)[None])[0]
        assert box.x0 < u < box.x1 and box.y0 < v < box.y1


def test_colours_belong_to_something_that_fits_the_words(asked):
    for item in of(asked, "colour"):
        assert item.question.answer in {phrase.split()[0] for phrase in item.world.scene.phrases}
        assert item.question.rejected != item.question.answer


def test_plans_follow_the_oracle_and_ground_what_is_approached(asked):
    for item in of(asked, "plan"):
        question, snapshot, world = item.question, item.moment.snapshot, item.world
        if f"Instruction: {item.moment.instruction}\n" in question.prompt:
            assert (DONE if snapshot.plan is None else snapshot.plan.text) == question.answer.removesuffix(f" {BOX}")
        if question.answer != DONE:
            step = step_of(item)
            assert item.truth["about"] in FAMILIES_OF_PLANS
            assert {"skill": step.skill, "object": step.object, "place": step.place}.items() <= item.truth.items()
            assert question.boxes in ((), (world.box(step.approached),))


def test_what_is_told_to_be_reached_of_a_new_instruction_holds(asked):
    under_way = 0
    for item in of(asked, "plan"):
        lines = item.question.prompt.split("\n")
        if item.moment.instruction in lines[0] or not lines[1].startswith("Reached: "):
            continue
        reached = [read_step(text) for text in lines[1].removeprefix("Reached: ").split("; ")]
        world, placed = item.world, {step.object for step in reached if step.skill == "place"}
        if item.truth["about"] == "push":
            assert item.question.answer == DONE
            continue
        under_way += 1
        assert all(achieved(world, step) for step in reached if step.skill == "place" or step.object not in placed)
        step = None if item.question.answer == DONE else step_of(item)
        assert step not in reached
    assert under_way > 2


def test_progress_needs_the_outcome_and_the_ready_pose(asked):
    answers = set()
    for item in of(asked, "progress"):
        world, question = item.world, item.question
        opening, arm, text = question.prompt.split("\n")
        assert arm == f"Arm: {'at rest' if at_ready(world) else 'away'}"
        assert opening == f"Gripper: {round(float(world.joint_positions()[-1]))}"
        phrases = named(text)
        answers.add(question.answer)
        if question.answer == UNSEEN:
            hidden = [thing.phrase for thing in item.moment.now.things if thing.hidden]
            assert set(phrases) - set(world.scene.phrases) or set(phrases) & set(hidden)
            continue
        step = next(s for s in _steps_of(phrases) if s.question == text)
        assert (question.answer == YES) == (achieved(world, step) and at_ready(world)), text
    assert {"yes", "no"} <= answers


def _steps_of(phrases):
    for skill in ("pick", "press"):
        yield Step(skill, phrases[0])
    for direction in ("left", "right", "front", "back"):
        yield Step("push", phrases[0], direction)
    if len(phrases) == 2:
        yield Step("place" if phrases[1] in CONTAINERS else "stack", *phrases)


def test_refusals_name_what_is_wrong_and_close_instructions_are_carried_out(asked):
    carried_out = 0
    for item in of(asked, "refusal"):
        question, present = item.question, item.world.scene.phrases
        refused = question.answer.startswith(REFUSAL)
        assert refused == (item.truth == {"refuse": True})
        if missing := re.fullmatch(f"{REFUSAL}there is no (.+)", question.answer):
            assert missing[1] in question.prompt and missing[1] not in present
        if not refused and question.answer != DONE:
            carried_out += 1
            assert step_of(item).object in present
            assert question.rejected.startswith(REFUSAL)
    assert carried_out


def test_training_never_asks_for_held_out_combinations_and_test_episodes_do(asked):
    for item in asked:
        if item.split == "train":
            assert not has_held_out(item.moment.steps)
            if item.question.kind in ("plan", "refusal") and BOX in item.question.answer:
                assert not has_held_out([step_of(item)])
            phrases = named(item.question.prompt.split("\n")[-1])
            if item.question.kind == "progress" and len(phrases) == 2:
                assert not held_out(*phrases)
    tested = [item.moment for item in asked if item.split == "test"]
    with_places = [moment for moment in tested if any(step.place for step in moment.steps)]
    assert any(has_held_out(moment.steps) for moment in with_places)


def test_a_table_with_containers_alone_can_be_asked_about(asked):
    item = next(item for item in asked if item.moment.now.containers)
    now = item.moment.now
    bare = replace(item.moment, now=replace(now, things=now.containers))
    for family in FAMILIES:
        for seed in range(20):
            for question in family(bare, Draw(np.random.default_rng(seed), "train")):
                assert question.answer
