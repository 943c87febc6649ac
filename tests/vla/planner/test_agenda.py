import pytest

from vla.language import SKILLS, Step
from vla.planner.agenda import Agenda
from vla.vlm.prompts import DONE

PUSH_THEN_PLACE = "push the red cube to the left, then put the blue cube in the bowl"
PUSH, PICK, PLACE = Step("push", "red cube", "left"), Step("pick", "blue cube"), Step("place", "blue cube", "bowl")
REST = "put everything except the red things in the box"


@pytest.mark.parametrize(
    ("instruction", "reached", "choices"),
    [
        (PUSH_THEN_PLACE, [], {"push"}),
        ("put the blue cube in the bowl", [], {"pick", "place", DONE}),
        (PUSH_THEN_PLACE, [PUSH], {"pick", "place"}),
        (PUSH_THEN_PLACE, [PUSH, PICK], {"pick", "place"}),
        (PUSH_THEN_PLACE, [PUSH, PICK, PLACE], {"push", "pick", "place", DONE}),
        ("press the button, then press the button", [Step("press", "button")], {"press"}),
        ("pick up the red cube and put it on the plate", [], {"pick", DONE}),
        ("pick up the red cube and put it on the plate", [Step("pick", "red cube")], {"pick", "place"}),
        ("put two cubes in the bowl", [Step("place", "red cube", "bowl")], {"pick", "place"}),
        ("put the red and the blue cube in the bowl", [PLACE], {"pick", "place"}),
        ("press the button, then put everything in the bowl", [PUSH], {"press"}),
        (REST, [], {"pick", "place", DONE}),
        (REST, [Step("place", "blue cube", "box")], {"pick", "place", DONE}),
        ("take the cube that is nearest to the bowl", [], {*SKILLS, DONE}),
    ],
)
def test_skills_of_the_clause_that_is_due_are_left(instruction: str, reached: list[Step], choices: set[str]) -> None:
    assert Agenda(instruction).choices(reached) == choices


@pytest.mark.parametrize(
    ("instruction", "reached", "finished"),
    [
        (PUSH_THEN_PLACE, [PUSH, PICK], False),
        (PUSH_THEN_PLACE, [PUSH, PICK, PLACE], True),
        (PUSH_THEN_PLACE, [PLACE, PUSH], True),
        ("press the button, then press the button", [Step("press", "button")], False),
        ("press the button, then press the button", [Step("press", "button")] * 2, True),
        ("pick up the blue cube and put it in the bowl", [PICK], False),
        ("put two cubes in the bowl", [PLACE], False),
        ("put two cubes in the bowl", [PLACE, Step("place", "red cube", "bowl")], True),
        (REST, [PLACE], False),
        ("take the cube that is nearest to the bowl", [PICK], False),
    ],
)
def test_nothing_is_left_once_all_clauses_have_been_carried_out(
    instruction: str, reached: list[Step], finished: bool
) -> None:
    assert Agenda(instruction).is_finished(reached) == finished


@pytest.mark.parametrize(
    ("instruction", "reached", "spent"),
    [
        (REST, [PICK], set()),
        (REST, [PICK, PLACE], {"blue cube"}),
        ("put two cubes in the bowl", [PLACE], {"blue cube"}),
        ("put the red and the blue cube in the bowl", [PLACE], {"blue cube"}),
        ("put the blue cube in the bowl and the rest in the box", [PLACE], {"blue cube"}),
        ("put all cubes in the bowl, then push the blue cube to the left", [PLACE], set()),
        ("put the blue cube in the bowl, then press the button", [PLACE], set()),
    ],
)
def test_things_are_spent_once_all_that_is_asked_of_them_is_done(
    instruction: str, reached: list[Step], spent: set[str]
) -> None:
    assert Agenda(instruction).spent(reached) == spent


@pytest.mark.parametrize(
    ("instruction", "thing", "allowed"),
    [
        (REST, "red cube", False),
        (REST, "blue cube", True),
        ("put the cube in the bowl", "green cube", True),
        ("put the cube in the bowl", "green cylinder", False),
        ("put the red cube in the bowl and the rest in the box", "green cylinder", True),
        ("take the cube that is nearest to the bowl", "plate", True),
    ],
)
def test_objects_are_those_that_a_clause_could_mean(instruction: str, thing: str, allowed: bool) -> None:
    assert Agenda(instruction).allow(Step("pick", thing), []) == allowed


@pytest.mark.parametrize(
    ("instruction", "reached", "step", "allowed"),
    [
        (PUSH_THEN_PLACE, [], PUSH, True),
        (PUSH_THEN_PLACE, [], Step("push", "red cube", "right"), False),
        (PUSH_THEN_PLACE, [], Step("push", "blue cube", "left"), False),
        (PUSH_THEN_PLACE, [PUSH], PICK, True),
        (PUSH_THEN_PLACE, [PUSH], PLACE, True),
        (PUSH_THEN_PLACE, [PUSH], Step("pick", "red cube"), False),
        (PUSH_THEN_PLACE, [PUSH], Step("place", "blue cube", "box"), False),
        ("pick up the red cube and put it on the plate", [Step("pick", "red cube")], PLACE, False),
        ("put the red and the blue cube in the bowl", [], PLACE, True),
        ("put two cubes in the bowl", [PLACE], Step("pick", "red cube"), True),
        ("put two cubes in the bowl", [PLACE], Step("pick", "red cylinder"), False),
    ],
)
def test_where_the_words_tell_what_is_due_nothing_else_is_allowed(
    instruction: str, reached: list[Step], step: Step, allowed: bool
) -> None:
    assert Agenda(instruction).allow(step, reached) == allowed


def test_phrases_of_what_is_due() -> None:
    agenda = Agenda(PUSH_THEN_PLACE)
    due = [agenda.due(reached) for reached in ([], [PUSH], [PUSH, PLACE])]
    assert [one and one.phrases for one in due] == [("red cube",), ("blue cube", "bowl"), None]


def test_phrases_leave_out_what_is_to_stay() -> None:
    phrases = Agenda(REST).phrases
    assert "blue cube" in phrases and "box" in phrases and "bowl" not in phrases
    assert not any("red" in phrase.split() for phrase in phrases)
    assert {"button", "plate", "green cube"} < set(Agenda("put all cubes on the plate, then press the button").phrases)
    assert "blue cylinder" in Agenda("put the red cube on the blue cylinder").phrases
    assert Agenda("put everything in the bowl").phrases == Agenda("make it nice").phrases == ()
