from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla.errors import PlanError
from vla.language import BUTTON, CONTAINERS, DIRECTIONS, MOVABLES, Step
from vla.types import Box
from vla.vlm.grounding import Grounding
from vla.vlm.prompts import (
    BOX,
    Answer,
    Body,
    Situation,
    fill_boxes,
    plan_question,
    progress_question,
    read_answer,
    read_step,
    write_answer,
)

steps = st.one_of(
    st.builds(Step, st.just("pick"), st.sampled_from(MOVABLES)),
    st.builds(Step, st.just("place"), st.sampled_from(MOVABLES), st.sampled_from(CONTAINERS)),
    st.builds(Step, st.just("stack"), st.sampled_from(MOVABLES), st.sampled_from(MOVABLES)),
    st.builds(Step, st.just("push"), st.sampled_from(MOVABLES), st.sampled_from(DIRECTIONS)),
    st.builds(Step, st.just("press"), st.just(BUTTON)),
)


@given(steps)
def test_a_subgoals_sentence_tells_its_step(step: Step) -> None:
    assert read_step(step.text) == step


@given(steps, st.booleans(), st.sampled_from(["tokens", "text"]))
def test_an_answer_is_read_as_it_was_written(step: Step, grounded: bool, style: str) -> None:
    locations = Grounding(style, 64)
    box = Box(8 / 63, 16 / 63, 24 / 63, 32 / 63) if grounded else None
    text = write_answer(Answer(step, box))
    assert (BOX in text) == grounded
    read = read_answer(fill_boxes(text, [box] if box else [], locations), locations)
    assert read.step == step
    assert (read.box is None) == (box is None)
    if box and read.box:
        assert read.box.center == pytest.approx(box.center, abs=1e-6)


def test_done_and_refusals_are_answers_too() -> None:
    locations = Grounding()
    for answer in (Answer(), Answer(refusal="there is no green cube")):
        assert read_answer(write_answer(answer), locations) == answer


@pytest.mark.parametrize("text", ["", "tidy up", "refuse: ", "pick up the", "Done!"])
def test_what_is_no_plan_is_an_error(text: str) -> None:
    with pytest.raises(PlanError, match="is no subgoal; valid"):
        read_answer(text, Grounding())


def test_boxes_must_have_a_place_in_the_text() -> None:
    with pytest.raises(PlanError, match="1 places for boxes, but there are 0"):
        fill_boxes(f"here {BOX}", [], Grounding())


def test_a_plan_question_tells_what_the_planner_knows() -> None:
    assert plan_question(Situation("tidy up")) == "Instruction: tidy up\nNext subgoal?"
    question = plan_question(Situation("put a on b", ("pick up the a", "x"), ("y",), Body(31.6, at_rest=False)))
    assert question.splitlines()[1:] == [
        "Reached: pick up the a; x",
        "Failed: y",
        "Gripper: 32",
        "Arm: away",
        "Next subgoal?",
    ]
    assert progress_question("is it there?", Body(8.2, at_rest=True)) == "Gripper: 8\nArm: at rest\nis it there?"
