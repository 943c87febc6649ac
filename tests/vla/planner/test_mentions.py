import pytest

from vla.language import Step
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
    ],
)
def test_what_an_instruction_could_mean_is_allowed(instruction: str, step: Step) -> None:
    assert Mentions(instruction).allow(step)


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
    ],
)
def test_what_it_does_not_mention_is_not(instruction: str, step: Step) -> None:
    assert not Mentions(instruction).allow(step)
