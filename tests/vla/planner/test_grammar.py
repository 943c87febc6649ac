"""The grammar planner's decisions, on drawn pictures; and whole episodes with the expert on rendered ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.vla.planner.drawing import VIEW, blank, bowl, button, movable, plate
from vla.language import parse
from vla.planner.grammar import GrammarPlanner, name_as_asked
from vla.planner.grounding import Detection
from vla.planner.registry import make_planner
from vla.types import Box, Done, Observation, Plan, Planner, Refuse, Subgoal, SubgoalResult

READY = np.array([0.0, -50.0, 31.0, 93.0, 2.5, 38.0], np.float32)
AWAY = READY + np.array([30.0, 40.0, 0.0, 0.0, 0.0, 0.0], np.float32)
OPEN, HOLDING, EMPTY = 38.0, 14.0, 8.0

Draw = Callable[[NDArray[np.uint8]], None]


def table(*draws: Draw, lit: bool = False) -> NDArray[np.uint8]:
    image = blank()
    bowl(image, 0.22, 0.11)
    plate(image, 0.22, -0.11)
    button(image, 0.30, 0.02, lit=lit)
    for draw in draws:
        draw(image)
    return image


def at(phrase: str, x: float, y: float, z: float = 0.0) -> Draw:
    return lambda image: movable(image, phrase, x, y, z=z)


RED, BLUE = at("red cube", 0.20, 0.0), at("blue cylinder", 0.26, -0.02)
GREEN = at("green cube", 0.26, 0.06)
IN_HAND = at("red cube", 0.17, 0.0, 0.08)


class Episode:
    """Feeds one planner with made-up observations."""

    def __init__(self, instruction: str, *draws: Draw) -> None:
        self.planner: Planner = GrammarPlanner()
        self.instruction = instruction
        self.time = 0.0
        self.history: list[SubgoalResult] = []
        self.image = table(*draws)
        self.first = self.see()

    def see(self, state: NDArray[np.float32] = READY, gripper: float | None = None) -> Plan:
        state = state.copy()
        if gripper is not None:
            state[-1] = gripper
        self.time += 1.0
        return self.planner.plan(Observation({"front": self.image}, state, self.time), self.instruction, self.history)

    def move(self, *draws: Draw, gripper: float, lit: bool = False) -> Plan:
        """Let the arm leave and come back, with the table changed."""
        self.see(AWAY)
        self.image = table(*draws, lit=lit)
        return self.see(gripper=gripper)


def text(plan: Plan) -> str:
    assert isinstance(plan, Subgoal), plan
    return plan.text


def test_the_first_subgoal_is_grounded():
    first = Episode("put the red cube in the bowl", RED, BLUE).first
    assert isinstance(first, Subgoal)
    assert (first.text, first.skill, first.object, first.place) == ("pick up the red cube", "pick", "red cube", None)
    assert first.question == "is the red cube in the gripper?"
    assert first.box is not None
    assert first.box.camera == "front"
    assert first.box.center == pytest.approx((0.5, 0.51), abs=0.05)


@pytest.mark.parametrize(
    ("instruction", "part"),
    [
        ("put the gold cube in the bowl", "unknown colour 'gold'"),
        ("juggle the red cube", "unknown verb 'juggle'"),
        ("pick up the green cube", "no green cube"),
        ("put the red cube in the box", "no box"),
        ("pick up the red cylinder and put it in the bowl", "no red cylinder"),
        ("", "empty"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(instruction: str, part: str):
    refusal = Episode(instruction, RED, BLUE).first
    assert isinstance(refusal, Refuse)
    assert part in refusal.reason


def test_without_a_picture_it_refuses():
    refusal = GrammarPlanner().plan(Observation({"wrist": blank()}, READY, 0.0), "press the button", [])
    assert isinstance(refusal, Refuse)
    assert "front" in refusal.reason
    assert "wrist" in refusal.reason


def test_a_place_task_goes_through_its_steps():
    episode = Episode("put the red cube in the bowl, then press the button", RED, BLUE)
    assert text(episode.see()) == "pick up the red cube"
    assert text(episode.see(AWAY)) == "pick up the red cube"
    place = episode.move(IN_HAND, BLUE, gripper=HOLDING)
    assert isinstance(place, Subgoal)
    assert place.text == "place the red cube in the bowl"
    assert place.box is not None
    assert place.box.center[0] > 0.6
    press = episode.move(at("red cube", 0.22, 0.11), BLUE, gripper=OPEN)
    assert text(press) == "press the button"
    assert isinstance(episode.move(at("red cube", 0.22, 0.11), BLUE, gripper=OPEN, lit=True), Done)


def test_a_pick_that_failed_is_tried_again_then_given_up():
    episode = Episode("pick up the red cube", RED)
    closed, opened = episode.move(RED, gripper=EMPTY), episode.move(RED, gripper=OPEN)
    assert text(closed) == text(opened) == "pick up the red cube"
    assert isinstance(closed, Subgoal) and isinstance(opened, Subgoal)
    assert (closed.grip, opened.grip) == (OPEN, None), "a pick begins with the gripper as open as it was at first"
    refusal = episode.move(RED, gripper=EMPTY)
    assert refusal == Refuse("could not pick up the red cube in 3 attempts")


def test_a_closed_gripper_does_not_count_while_the_object_is_seen_elsewhere():
    episode = Episode("pick up the green cube", RED, GREEN)
    assert text(episode.move(RED, GREEN, gripper=HOLDING)) == "pick up the green cube"
    assert isinstance(episode.move(RED, at("green cube", 0.17, 0.0, 0.08), gripper=HOLDING), Done)


def test_an_object_that_was_dropped_is_picked_up_again_where_it_lies():
    episode = Episode("put the red cube in the bowl", RED)
    assert text(episode.move(IN_HAND, gripper=HOLDING)) == "place the red cube in the bowl"
    again = episode.move(at("red cube", 0.28, -0.04), gripper=OPEN)
    assert isinstance(again, Subgoal)
    assert again.text == "pick up the red cube"
    assert again.box is not None
    assert again.box.center[1] > 0.6


def test_a_stack_is_seen_to_stand_or_to_have_fallen():
    fallen = Episode("stack red on blue", RED, BLUE)
    assert text(fallen.move(IN_HAND, BLUE, gripper=HOLDING)) == "stack the red cube on the blue cylinder"
    assert text(fallen.move(at("red cube", 0.26, 0.03), BLUE, gripper=OPEN)) == "pick up the red cube"
    standing = Episode("stack red on blue", RED, BLUE)
    standing.move(IN_HAND, BLUE, gripper=HOLDING)
    assert isinstance(standing.move(BLUE, at("red cube", 0.26, -0.02, 0.025), gripper=OPEN), Done)


@pytest.mark.parametrize(
    ("direction", "goes_to", "reached"),
    [
        ("right", (0.20, 0.06), True),
        ("left", (0.20, -0.06), True),
        ("front", (0.26, 0.0), True),
        ("right", (0.20, 0.02), False),
        ("right", (0.20, -0.06), False),
        ("right", (0.26, 0.05), False),
    ],
)
def test_a_push_must_go_far_enough_in_its_direction(direction: str, goes_to: tuple[float, float], reached: bool):
    episode = Episode(f"push the red cube to the {direction}", RED)
    result = episode.move(at("red cube", *goes_to), gripper=OPEN)
    assert isinstance(result, Done) == reached


def test_a_push_is_grounded_where_it_is_to_lead():
    episode = Episode("push the red cube to the right", RED)
    assert isinstance(episode.first, Subgoal) and episode.first.box is not None
    assert VIEW.on_table(*episode.first.box.center, 0.0125) == pytest.approx([0.20, 0.06], abs=0.008)
    again = episode.move(at("red cube", 0.20, 0.025), gripper=OPEN)
    assert isinstance(again, Subgoal) and again.box == episode.first.box, "counted from where it stood at first"


def test_two_short_pushes_add_up():
    episode = Episode("push the red cube to the right", RED)
    assert text(episode.move(at("red cube", 0.20, 0.025), gripper=OPEN)) == "push the red cube to the right"
    assert isinstance(episode.move(at("red cube", 0.20, 0.05), gripper=OPEN), Done)


def test_a_button_that_stays_dark_is_pressed_again():
    episode = Episode("press the button")
    assert text(episode.move(gripper=OPEN)) == "press the button"
    assert isinstance(episode.move(gripper=OPEN, lit=True), Done)


def test_what_is_plain_to_see_counts_even_if_the_arm_was_never_seen_away():
    press = Episode("press the button")
    press.image = table(lit=True)
    assert isinstance(press.see(), Done)
    push = Episode("push the red cube to the right", RED)
    push.image = table(at("red cube", 0.20, 0.06))
    assert isinstance(push.see(), Done)
    pick = Episode("pick up the red cube", IN_HAND)
    assert text(pick.see(gripper=HOLDING)) == "pick up the red cube"


def test_nothing_is_placed_while_the_gripper_is_closed():
    episode = Episode("put the red cube in the bowl", RED)
    episode.move(IN_HAND, gripper=HOLDING)
    assert text(episode.move(at("red cube", 0.22, 0.11, 0.08), gripper=HOLDING)) == "place the red cube in the bowl"


def test_timeouts_count_as_attempts():
    episode = Episode("press the button")
    subgoal = episode.first
    assert isinstance(subgoal, Subgoal)
    for _ in range(2):
        episode.history.append(SubgoalResult(subgoal, "timeout", 0.0, 10.0))
        assert text(episode.see(AWAY)) == "press the button"
    episode.history.append(SubgoalResult(subgoal, "timeout", 0.0, 10.0))
    assert isinstance(episode.see(AWAY), Refuse)


def test_all_cubes_are_those_that_are_seen():
    episode = Episode("put all the cubes on the plate", RED, BLUE, GREEN)
    picked = []
    plan = episode.first
    for _ in range(2):
        phrase = text(plan).removeprefix("pick up the ")
        picked.append(phrase)
        others = [draw for name, draw in (("red cube", RED), ("green cube", GREEN)) if name not in picked]
        episode.move(at(phrase, 0.17, 0.0, 0.08), BLUE, *others, gripper=HOLDING)
        plan = episode.move(at(phrase, 0.22, -0.11), BLUE, *others, gripper=OPEN)
    assert sorted(picked) == ["green cube", "red cube"]
    assert isinstance(plan, Done)


def test_reset_forgets_the_episode():
    episode = Episode("press the button")
    episode.planner.reset()
    episode.instruction = "pick up the red cube"
    episode.image = table(RED)
    assert text(episode.see()) == "pick up the red cube"


def test_a_doubtful_shape_is_what_the_instruction_calls_it():
    def thing(cubeness: float) -> Detection:
        return Detection("cube", "red", Box(0.4, 0.4, 0.5, 0.5), 0.01, cubeness)

    clauses = parse("pick up the red cylinder")
    assert [found.phrase for found in name_as_asked([thing(0.02)], clauses, 0.06)] == ["red cylinder"]
    assert [found.phrase for found in name_as_asked([thing(0.20)], clauses, 0.06)] == ["red cube"]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["place", "stack", "push_press", "sort"])
def test_it_leads_the_expert_to_success_in_simulation(task: str):
    from envs.suites import load_suite
    from vla.runtime.actors import ExpertActor
    from vla.runtime.episode import run_episode

    suite = load_suite("tabletop")
    simulation = suite.make()
    simulation.reset(task, 17, wording="test")
    planner = make_planner("grammar", simulation)
    result = run_episode(
        simulation, planner, ExpertActor(simulation.expert()), max_seconds=suite.tasks[task].max_seconds
    )
    assert result.success, result.reason
    assert all(subgoal.outcome == "reached" for subgoal in result.subgoals)
