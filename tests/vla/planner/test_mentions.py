import pytest

from vla.language import COLOURS, Step
from vla.planner.mentions import Mentions


@pytest.mark.parametrize(
    ("instruction", "step"),
    [
        ("put the red cube in the bowl", Step("pick", "red cube")),
        ("put the red cube in the bowl", Step("place", "red cube", "bowl")),
        ("put the red block in the white bowl", Step("place", "red cube", "bowl")),
        ("pick up the red one", Step("pick", "red cylinder")),
        ("pick up the cube", Step("pick", "blue cube")),
        ("put the cube on the blue cylinder", Step("stack", "red cube", "blue cylinder")),
        ("put everything in the box", Step("pick", "green cube")),
        ("push the rest to the left", Step("push", "green cube", "left")),
        ("pick up what is next to the bowl", Step("pick", "green cube")),
        ("tidy up", Step("pick", "green cube")),
        ("put the apple in the mug", Step("place", "apple", "mug")),
        ("press the switch", Step("press", "button")),
        ("pick up the red cube, and do not forget to press the button", Step("press", "button")),
        ("everything but the yellow things goes in the box", Step("pick", "red cube")),
        ("everything but the yellow things goes in the box", Step("place", "red cube", "box")),
        ("all but the red cube belong on the plate", Step("pick", "red cylinder")),
        ("put everything but the red cube on the plate and the red cube in the bowl", Step("pick", "red cube")),
    ],
)
def test_what_an_instruction_could_mean_is_allowed(instruction: str, step: Step) -> None:
    assert Mentions(instruction).allow(step)


@pytest.mark.parametrize(
    ("instruction", "phrases"),
    [
        ("put the red cube in the white bowl", {"red cube", "bowl"}),
        ("push the red block, then press it", {"red cube"}),
        ("pick up the cube", {"cube", *(f"{colour} cube" for colour in COLOURS)}),
        ("pick up the red one", {"red cube", "red cylinder"}),
        ("put the apple in the bowl", {"apple", "bowl", *(f"{colour} apple" for colour in COLOURS)}),
        (f"put the red cube in the {'x' * 40}", {"red cube"}),
        ("put everything in the bowl", set()),
    ],
)
def test_phrases_are_those_that_are_allowed(instruction: str, phrases: set[str]) -> None:
    mentions = Mentions(instruction)
    assert set(mentions.phrases) == phrases
    assert all(mentions.mention(phrase) for phrase in phrases)


@pytest.mark.parametrize(
    ("instruction", "step"),
    [
        ("put the red cube in the bowl", Step("pick", "blue cube")),
        ("put the red cube in the bowl", Step("pick", "red cylinder")),
        ("put the red cube in the bowl", Step("place", "red cube", "box")),
        ("put the cube on the blue cylinder", Step("stack", "red cube", "red cylinder")),
        ("pick up the red one", Step("pick", "green cube")),
        ("pick up the red cube", Step("press", "button")),
        ("put the apple in the mug", Step("pick", "knife")),
        ("everything but the yellow things goes in the box", Step("pick", "yellow cube")),
        ("all but the red cube belong on the plate", Step("pick", "red cube")),
        ("put everything that is not red in the bowl", Step("pick", "red cylinder")),
    ],
)
def test_what_it_does_not_mention_is_not(instruction: str, step: Step) -> None:
    assert not Mentions(instruction).allow(step)


def test_phrases_leave_out_what_is_to_stay() -> None:
    phrases = Mentions("everything but the yellow things goes in the box").phrases
    assert "red cube" in phrases and "box" in phrases
    assert not any("yellow" in phrase for phrase in phrases)
