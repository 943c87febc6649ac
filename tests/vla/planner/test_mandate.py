import pytest

from vla.language import MOVABLES, SKILLS, Step
from vla.planner.mandate import Mandate
from vla.vlm.prompts import DONE

PICK, PLACE = Step("pick", "blue cube"), Step("place", "blue cube", "bowl")
NOT_RED = "put everything that is not red in the bowl"


@pytest.mark.parametrize(
    ("instruction", "skills"),
    [
        ("take the cube left of the plate", {"pick"}),
        ("could you grasp the one right of the bowl", {"pick"}),
        ("take the cube left of the plate to the bowl", {"pick", "place", "stack", "push"}),
        ("shove the cube next to the bowl to the left", {"push", "press"}),
        (NOT_RED, {"pick", "place", "stack", "push"}),
        ("take the cube left of the plate and dump it", set(SKILLS)),
        ("everything but the red cube", set(SKILLS)),
        ("pick up the red cube and put it on the plate", {"pick"}),
    ],
)
def test_verbs_tell_the_skills_where_the_grammar_cannot_read_the_rest(instruction: str, skills: set[str]) -> None:
    assert Mandate(instruction).choices([]) == {*skills, DONE}


@pytest.mark.parametrize(
    ("instruction", "open_ended"),
    [
        (NOT_RED, True),
        ("put everything except the red things in the bowl", True),
        ("put the red cube in the bowl and the rest in the box", True),
        ("put both cubes in the bowl", False),
        ("put the red cube in the bowl", False),
        ("take the cube left of the plate", False),
    ],
)
def test_sets_are_those_that_the_words_do_not_count(instruction: str, open_ended: bool) -> None:
    assert Mandate(instruction).open_ended == open_ended


def test_what_has_been_put_away_is_not_named_again() -> None:
    mandate = Mandate(NOT_RED)
    assert mandate.allows(PICK, []) and mandate.allows(PLACE, [PICK])
    assert not mandate.allows(PICK, [PICK, PLACE])
    assert not mandate.allows(Step("pick", "red cube"), [])
    left = {name for name in MOVABLES if "red" not in name} | {"bowl", "plate", "box", "button"}
    assert set(mandate.phrases([])) == left
    assert set(mandate.phrases([PICK, PLACE])) == left - {"blue cube"}


def test_of_everything_any_thing_may_be_named_that_has_not_been_put_away() -> None:
    mandate = Mandate("put everything in the bowl")
    assert mandate.phrases([]) == ()
    assert set(mandate.phrases([PLACE])) == {*MOVABLES, "bowl", "plate", "box", "button"} - {"blue cube"}


def test_a_thing_may_be_taken_again_where_a_clause_about_it_is_left() -> None:
    mandate = Mandate("put the blue cube in the bowl, then put it on the plate")
    assert mandate.allows(PICK, [PICK, PLACE])
    assert not mandate.is_finished([PICK, PLACE])
    assert mandate.is_finished([PICK, PLACE, PICK, Step("place", "blue cube", "plate")])
