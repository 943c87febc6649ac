from __future__ import annotations

import pytest

from tests.vla.planner.vlm_helpers import (
    BOX,
    HELD,
    NO,
    OPEN,
    PICK,
    PLACE,
    PUSH,
    PUSH_TASK,
    TASK,
    UNSEEN,
    YES,
    ScriptedChat,
    observation,
    shifted,
    timeout,
)
from vla.errors import ConfigError
from vla.language import Step
from vla.planner.monitor import Monitor, Verdict
from vla.planner.vlm import PlanningConfig, VlmPlanner
from vla.types import Box, Done, Hold, Plan, Subgoal, SubgoalResult
from vla.vlm.prompts import Answer


def test_the_arm_tells_whether_it_is_back_where_the_episode_began() -> None:
    chat = ScriptedChat([PICK], [NO, NO, NO])
    planner = VlmPlanner(chat, PlanningConfig(judge_at_rest=False))
    for joint in (20.0, 24.0, 28.0, 18.0):
        planner.plan(observation(joint=joint), TASK, [])
    told = [next(line for line in question.splitlines() if line.startswith("Arm")) for question in chat.asked
            if "Gripper" in question]  # fmt: skip
    assert told == ["Arm: at rest", "Arm: at rest", "Arm: away", "Arm: at rest"]


@pytest.mark.parametrize(
    ("direction", "distance", "outcome"),
    [("left", 0.05, "Reached"), ("left", 0.03, "Failed"), ("back", 0.05, "Failed"), ("right", 0.05, "Failed")],
)
def test_a_push_is_measured_from_where_the_thing_was_once_the_arm_is_back(
    direction: str, distance: float, outcome: str
) -> None:
    chat = ScriptedChat([PUSH, Answer()])
    planner = VlmPlanner(chat)
    first = planner.plan(observation(), PUSH_TASK, [])
    chat.box = shifted(direction, distance)
    assert planner.plan(observation(joint=20.0), PUSH_TASK, []) == first
    plan = planner.plan(observation(), PUSH_TASK, [])
    if outcome == "Reached":
        assert plan == Done(f"reached: {PUSH_TASK}")
    else:
        assert f"{outcome}: {PUSH_TASK}" in chat.asked[-1]


@pytest.mark.parametrize(("distance", "done"), [(0.05, True), (0.02, False)])
def test_a_push_that_runs_out_of_time_is_measured_where_the_arm_is(distance: float, done: bool) -> None:
    chat = ScriptedChat([PUSH, PUSH])
    planner = VlmPlanner(chat)
    first = planner.plan(observation(), PUSH_TASK, [])
    chat.box = shifted("left", distance)
    plan = planner.plan(observation(joint=20.0), PUSH_TASK, [timeout(first)])
    assert isinstance(plan, Done) == done


def test_another_attempt_at_a_push_does_what_is_left_of_the_first() -> None:
    chat = ScriptedChat([PUSH, PUSH])
    planner = VlmPlanner(chat)
    first = planner.plan(observation(), PUSH_TASK, [])
    chat.box = shifted("left", 0.03)
    again = planner.plan(observation(joint=20.0), PUSH_TASK, [timeout(first)])
    assert isinstance(first, Subgoal) and isinstance(again, Subgoal)
    assert (again.box, again.after) == (first.box, "failed")
    chat.box = shifted("left", 0.05)
    assert planner.plan(observation(), PUSH_TASK, [timeout(first)]) == Done(f"reached: {PUSH_TASK}")


def test_a_push_of_what_was_not_seen_at_first_is_counted_from_where_it_is_seen() -> None:
    chat = ScriptedChat([PUSH], box=None)
    planner = VlmPlanner(chat)
    first = planner.plan(observation(), PUSH_TASK, [])
    chat.box = BOX
    again = planner.plan(observation(joint=20.0), PUSH_TASK, [timeout(first)])
    assert isinstance(first, Subgoal) and isinstance(again, Subgoal)
    assert first.box is None and again.box is not None


def test_a_push_of_what_is_not_seen_is_not_judged() -> None:
    chat = ScriptedChat([PUSH])
    planner = VlmPlanner(chat)
    first = planner.plan(observation(), PUSH_TASK, [])
    chat.box = None
    planner.plan(observation(joint=20.0), PUSH_TASK, [])
    assert planner.plan(observation(), PUSH_TASK, []) == first


ABOVE, BESIDE = Box(0.26, 0.35, 0.5, 0.57), Box(0.55, 0.35, 0.8, 0.57)


@pytest.mark.parametrize(
    ("box", "gripper", "joint", "said", "ends"),
    [(ABOVE, OPEN, 0.0, None, True), (ABOVE, HELD, 0.0, None, False), (ABOVE, OPEN, 20.0, None, False),
     (BESIDE, OPEN, 0.0, NO, False), (BESIDE, OPEN, 0.0, YES, True), (None, OPEN, 0.0, YES, True),
     (None, OPEN, 0.0, NO, False)],
)  # fmt: skip
def test_a_stack_is_seen_where_one_thing_is_above_the_other_or_asked_for_once_let_go(
    box: Box | None, gripper: float, joint: float, said: tuple[float, float, float] | None, ends: bool
) -> None:
    chat = ScriptedChat([Answer(Step("stack", "red cube", "blue cube"), BOX), Answer()], [said] if said else [])
    planner = VlmPlanner(chat)
    task = "stack the red cube on the blue cube"
    planner.plan(observation(gripper=OPEN), task, [])
    chat.boxes = {"red cube": box, "blue cube": BOX}
    plan = planner.plan(observation(gripper=gripper, joint=joint), task, [])
    assert (plan == Done("reached: stack the red cube on the blue cube")) == ends
    assert chat.choices == []


@pytest.mark.parametrize(("gripper", "picked"), [(HELD, True), (OPEN, False), (2.0, False)])
def test_a_pick_with_nothing_in_the_gripper_is_not_reached_whatever_the_model_sees(
    gripper: float, picked: bool
) -> None:
    chat = ScriptedChat([PICK, PLACE if picked else PICK], [YES] if picked else [])
    planner = VlmPlanner(chat)
    for joint, opening in ((0.0, OPEN), (20.0, gripper)):
        planner.plan(observation(joint=joint, gripper=opening), TASK, [])
    plan = planner.plan(observation(gripper=gripper), TASK, [])
    assert isinstance(plan, Subgoal) and plan.skill == ("place" if picked else "pick")
    assert plan.after == ("reached" if picked else "failed")
    assert chat.offered == [{"pick", "done"}, {"pick", "place"} if picked else {"pick"}]


IN_HAND = Box(0.46, 0.35, 0.54, 0.45)


@pytest.mark.parametrize(
    ("box", "gripper", "skill"),
    [(IN_HAND, 9.0, "place"), (IN_HAND, 8.0, "pick"), (BOX, 9.0, "pick"), (None, 9.0, "pick")],
)
def test_what_is_seen_in_a_hand_that_holds_something_is_picked_up_though_the_model_doubts_it(
    box: Box | None, gripper: float, skill: str
) -> None:
    chat = ScriptedChat([PICK, PLACE if skill == "place" else PICK], [NO])
    planner = VlmPlanner(chat)
    for joint in (0.0, 20.0):
        planner.plan(observation(joint=joint, gripper=OPEN), TASK, [])
    chat.box = box
    plan = planner.plan(observation(gripper=gripper), TASK, [])
    assert isinstance(plan, Subgoal) and plan.skill == skill
    assert plan.grip == (OPEN if skill == "pick" else None), "the gripper is opened for another attempt"


def test_an_attempt_has_ended_when_the_arm_has_left_and_is_back() -> None:
    chat = ScriptedChat([PICK, PICK], [NO, NO, NO])
    planner = VlmPlanner(chat)
    for joint in (0.0, 0.0, 20.0):
        planner.plan(observation(joint=joint), TASK, [])
    assert "Failed" not in "".join(chat.asked)
    first = planner.plan(observation(joint=20.0), TASK, [])
    again = planner.plan(observation(), TASK, [])
    assert "Failed: pick up the red cube" in chat.asked[-1]
    assert isinstance(first, Subgoal) and isinstance(again, Subgoal) and again.after == "failed"
    going = planner.plan(observation(), TASK, [SubgoalResult(first, "failed", 0.0, 5.0)])
    assert isinstance(going, Subgoal) and (going.text, going.after) == (again.text, "reached")
    assert not chat.choices and not chat.plans


@pytest.mark.parametrize("at_rest", [True, False])
def test_a_step_is_judged_once_the_arm_is_back_unless_policies_do_not_come_back(at_rest: bool) -> None:
    chat = ScriptedChat([PICK, PLACE], [YES])
    planner = VlmPlanner(chat, PlanningConfig(judge_at_rest=at_rest))
    first = planner.plan(observation(), TASK, [])
    away = planner.plan(observation(joint=20.0), TASK, [])
    back = planner.plan(observation(), TASK, []) if at_rest else away
    assert (away == first) == at_rest
    assert isinstance(back, Subgoal) and back.skill == "place"


def test_what_cannot_be_seen_neither_ends_nor_fails_a_step() -> None:
    chat = ScriptedChat([PICK], [UNSEEN, (0.5, 0.5, 0.0), UNSEEN])
    planner = VlmPlanner(chat)
    first = planner.plan(observation(), TASK, [])
    assert planner.plan(observation(), TASK, []) == first
    assert planner.plan(observation(), TASK, []) == first
    again = planner.plan(observation(), TASK, [timeout(first)])
    assert again == first
    assert "Failed" not in "".join(chat.asked)


@pytest.mark.parametrize(
    ("following", "after", "reached"),
    [(Answer(), None, "place the red cube in the bowl"), (PICK, "failed", None), (PLACE, "failed", None)],
)
def test_what_follows_tells_about_a_step_of_which_the_model_is_not_sure(
    following: Answer, after: str | None, reached: str | None
) -> None:
    chat = ScriptedChat([PICK, PLACE, following], [YES, (0.5, 0.5, 0.0)])
    planner = VlmPlanner(chat)
    plan: Plan = Hold("")
    for joint in (0.0, 0.0, 20.0, 0.0):
        plan = planner.plan(observation(joint=joint), TASK, [])
    assert "Failed" not in chat.asked[-1]
    if after is None:
        assert plan == Done(f"reached: pick up the red cube; {reached} (not seen for sure)")
    else:
        assert isinstance(plan, Subgoal) and plan.after == after


def test_a_step_that_ran_out_of_time_may_have_been_reached() -> None:
    chat = ScriptedChat([PICK, PLACE], [YES])
    planner = VlmPlanner(chat, PlanningConfig(monitor=Monitor(confirmations=2)))
    first = planner.plan(observation(), TASK, [])
    second = planner.plan(observation(), TASK, [timeout(first)])
    assert isinstance(second, Subgoal) and second.skill == "place"


def test_confirmations_are_in_a_row() -> None:
    chat = ScriptedChat([PICK, PLACE], [YES, NO, YES, YES])
    planner = VlmPlanner(chat, PlanningConfig(monitor=Monitor(confirmations=2)))
    skills = [planner.plan(observation(), TASK, []).skill for _ in range(5)]  # pyright: ignore
    assert skills == ["pick", "pick", "pick", "pick", "place"]


@pytest.mark.parametrize(
    ("probabilities", "verdict"),
    [((0.69, 0.31, 0.0), Verdict.UNSURE), ((0.71, 0.29, 0.0), Verdict.REACHED),
     ((0.29, 0.71, 0.0), Verdict.NOT_REACHED),
     ((0.3, 0.3, 0.4), Verdict.OPEN), ((0.4, 0.02, 0.58), Verdict.OPEN), ((1.0, 0.0, 0.0), Verdict.REACHED)],
)  # fmt: skip
def test_bands_of_the_monitor(probabilities: tuple[float, float, float], verdict: Verdict) -> None:
    assert Monitor().judge(probabilities) is verdict


@pytest.mark.parametrize("options", [{"reached_above": 0.2}, {"failed_below": -0.1}, {"confirmations": 0}])
def test_bands_that_make_no_sense_are_refused(options: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        Monitor(**options)
