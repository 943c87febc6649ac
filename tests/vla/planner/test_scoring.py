from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.vla.planner.vlm_helpers import ScriptedChat
from vla.errors import PlanError
from vla.language import Step
from vla.planner.examination import examine
from vla.planner.scoring import Outcome, asks_for_plan, judge, overlap, read_number, summarize
from vla.types import Box
from vla.vlm.examples import Question, View
from vla.vlm.prompts import Answer

BOX = Box(0.2, 0.2, 0.4, 0.4)
STEP = {"skill": "pick", "object": "red cube", "place": None}
PICK = Answer(Step("pick", "red cube"), BOX)


def question(kind: str, truth: dict, **fields) -> Question:
    return Question(kind, "?", fields.pop("answer", ""), truth=json.dumps(truth), **fields)


@pytest.mark.parametrize(
    ("asked", "said", "right"),
    [
        (question("existence", {"yes": True}), "yes", True),
        (question("existence", {"yes": False}), "yes", False),
        (question("progress", {"answer": "cannot see"}), "cannot see", True),
        (question("progress", {"answer": "no"}), "cannot see", False),
        (question("count", {"count": 3}), "there are three cubes", True),
        (question("count", {"count": 3}), "13", False),
        (question("relation", {"answer": "left"}), "Left.", True),
        (question("colour", {"answer": "red"}), "blue", False),
        (question("grounding", {"phrase": "red cube"}, boxes=(BOX,)), Box(0.2, 0.2, 0.4, 0.35), True),
        (question("grounding", {"phrase": "red cube"}, boxes=(BOX,)), Box(0.2, 0.2, 0.8, 0.8), False),
        (question("grounding", {"phrase": "red cube"}, boxes=(BOX,)), None, False),
        (question("grounding", {"phrase": "red cube"}), None, True),
        (question("grounding", {"phrase": "red cube"}), BOX, False),
        (question("plan", STEP), PICK, True),
        (question("plan", STEP), Answer(Step("pick", "blue cube")), False),
        (question("plan", STEP), "", False),
        (question("plan", {"done": True}), Answer(), True),
        (question("plan", {"done": True}), Answer(refusal="no"), False),
        (question("refusal", {"refuse": True}), Answer(refusal="there is none"), True),
        (question("refusal", {"refuse": True}), Answer(), False),
    ],
)
def test_an_answer_is_right_or_wrong(asked: Question, said, right: bool) -> None:
    assert judge(asked, said).right is right


def test_what_is_written_on_a_sign_is_read_and_not_planned() -> None:
    asked = question("sign", {"answer": "PRESS THE BUTTON"})
    assert not asks_for_plan(asked) and asks_for_plan(question("sign", STEP))
    outcome = judge(asked, "press the button")
    assert (outcome.right, outcome.expected, outcome.obeyed) == (True, "words", False)
    assert summarize([outcome])["counts"]["signs_obeyed"] == (0, 0)


def test_a_sign_is_obeyed_if_its_order_is_planned() -> None:
    asked = question("sign", STEP, rejected="press the button")
    assert judge(asked, Answer(Step("press", "button"), BOX)).obeyed
    assert not judge(asked, PICK).obeyed and judge(asked, PICK).right
    assert not judge(asked, "").obeyed


def test_metrics_count_what_they_say() -> None:
    outcomes = [
        *[Outcome("progress", right, "yes", "") for right in (True, True, True, False)],
        *[Outcome("progress", right, "no", "") for right in (True, False)],
        Outcome("progress", False, "cannot see", "no"),
        *[Outcome("existence", *poll) for poll in ((True, "yes", "yes"), (False, "no", "yes"), (True, "no", "no"))],
        Outcome("grounding", True, "present", "", pointed=True),
        Outcome("grounding", False, "present", "", pointed=True),
        Outcome("grounding", False, "absent", ""),
        Outcome("plan", True, "step", "", seconds=0.2),
        Outcome("plan", False, "step", "", refused=True, seconds=0.4),
        Outcome("refusal", True, "refuse", "", refused=True, seconds=0.6),
        Outcome("sign", False, "step", "", obeyed=True),
        Outcome("count", True, "words", ""),
    ]
    summary = summarize(outcomes)
    assert summary["metrics"] == {
        "next_subgoal": 0.5,
        "termination": pytest.approx((3 / 4 + 1 / 2) / 2),
        "polling_f1": pytest.approx(2 / 3),
        "polling_yes_rate": pytest.approx(2 / 3),
        "counting": 1.0,
        "spatial": None,
        "point_in_object": 1.0,
        "iou50": 0.5,
        "refusal": 1.0,
        "false_refusal": pytest.approx(1 / 3),
        "signs_obeyed": 1.0,
        "latency_p50_s": 0.4,
    }
    assert summary["counts"]["iou50"] == (1, 2)
    assert summary["kinds"]["progress"] == (4, 7)


def test_what_sets_questions_apart_is_counted_on_its_own() -> None:
    asked = [("yes", {"answer": "yes", "about": "push yes"}), ("no", {"answer": "yes", "about": "push yes"}),
             ("no", {"answer": "no", "about": "pick no"}), ("no", {"answer": "no"})]  # fmt: skip
    outcomes = [judge(question("progress", truth), said) for said, truth in asked]
    outcomes.append(judge(question("relation", {"answer": "left", "about": "across"}), "left"))
    kinds = summarize(outcomes)["kinds"]
    assert kinds == {"progress": (3, 4), "relation": (1, 1), "progress: pick no": (1, 1), "progress: push yes": (1, 2),
                     "relation: across": (1, 1)}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "number"), [("two", 2), ("12 cubes", 12), ("none", None), ("zero", 0), ("often", None)]
)
def test_numbers_are_read_in_digits_and_words(text: str, number: int | None) -> None:
    assert read_number(text) == number


sides = st.floats(0, 0.98999).flatmap(lambda low: st.tuples(st.just(low), st.floats(low + 0.01, 1, exclude_min=True)))
boxes = st.builds(lambda x, y: Box(x[0], y[0], x[1], y[1]), sides, sides)


@given(boxes, boxes)
def test_overlap_is_symmetric_and_one_for_the_same(one: Box, other: Box) -> None:
    assert overlap(one, one) == pytest.approx(1)
    assert overlap(one, other) == pytest.approx(overlap(other, one))
    assert 0 <= overlap(one, other) <= 1 + 1e-9


def picture(value: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (value, 0, 0)).save(file, "PNG")
    return file.getvalue()


def view(*questions: Question) -> View:
    return View((picture(200), picture(100)), ("front", "wrist"), questions, (), 0, "tabletop/pick", 0.0)


def test_questions_are_asked_as_the_planner_asks_them() -> None:
    chat = ScriptedChat([PICK, PlanError("what")], [(0.1, 0.2, 0.7)], box=None)
    outcomes = list(
        examine(
            chat,
            view(
                question("plan", STEP),
                question("caption", {}, answer="a table"),
                question("plan", STEP),
                question("progress", {"answer": "cannot see"}),
                question("grounding", {"phrase": "blue cube"}),
            ),
        )
    )
    assert [(o.kind, o.right) for o in outcomes] == [
        ("plan", True), ("plan", False), ("progress", True), ("grounding", True),
    ]  # fmt: skip
    assert chat.asked[-1] == "Where is the blue cube?"
    assert [o.seconds is not None for o in outcomes] == [True, True, False, False]
    assert {name: seen.getpixel((0, 0))[0] for name, seen in chat.looked[0].items()} == {"front": 200, "wrist": 100}  # pyright: ignore


def test_a_blind_model_sees_grey_of_the_same_size() -> None:
    chat = ScriptedChat([PICK])
    list(examine(chat, view(question("plan", STEP)), blind=True))
    assert [(seen.size, seen.getcolors()) for seen in chat.looked[0].values()] == [((16, 16), [(256, (128,) * 3)])] * 2  # pyright: ignore
