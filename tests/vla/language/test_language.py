"""Instructions are read as they are meant, or refused with a message that says what is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla.errors import InstructionError, UnknownNameError
from vla.language import (
    BUTTON,
    COLOURS,
    CONTAINERS,
    DIRECTIONS,
    MOVABLES,
    PREPOSITIONS,
    Step,
    expand,
    parse,
    split_phrase,
    subgoal_question,
    subgoal_text,
)

TABLE = ("red cube", "blue cube", "green cylinder", "bowl", "plate", "box", "button")

movables = st.sampled_from(MOVABLES)
pairs = st.lists(movables, min_size=2, max_size=2, unique=True)
containers = st.sampled_from(CONTAINERS)
directions = st.sampled_from(DIRECTIONS)
steps = st.one_of(
    st.builds(Step, st.just("pick"), movables),
    st.builds(Step, st.just("place"), movables, containers),
    pairs.map(lambda pair: Step("stack", *pair)),
    st.builds(Step, st.just("push"), movables, directions),
    st.just(Step("press", BUTTON)),
)
EVERYTHING = (*MOVABLES, *CONTAINERS, BUTTON)


def texts(instruction: str, present: tuple[str, ...] = TABLE) -> list[str]:
    return [step.text for step in expand(parse(instruction), present)]


@given(steps)
def test_a_canonical_sentence_means_its_own_step(step: Step):
    found = expand(parse(step.text), EVERYTHING)
    assert found[-1] == step
    assert found[:-1] == ((Step("pick", step.object),) if step.skill in ("place", "stack") else ())


@given(st.lists(steps.filter(lambda step: step.skill != "pick"), min_size=1, max_size=4), st.data())
def test_canonical_sentences_in_sequence_keep_their_order(sequence: list[Step], data: st.DataObject):
    joints = [
        data.draw(st.sampled_from((", then ", " and then ", ". ", "; ", ", and after that ", " and ", ", ")))
        for _ in sequence
    ]
    instruction = "".join(joint + step.text for joint, step in zip(joints, sequence, strict=True)).removeprefix(
        joints[0]
    )
    found = [step for step in expand(parse(instruction), EVERYTHING) if step.skill != "pick"]
    assert found == sequence


@given(movables, containers, st.data())
def test_many_ways_to_say_place(movable: str, container: str, data: st.DataObject):
    start = data.draw(st.sampled_from(("", "please ", "could you ", "Now, ", "I want you to ", "Robot, ")))
    verb = data.draw(st.sampled_from(("put", "place", "drop", "move", "set", "lay", "bring", "transfer")))
    article = data.draw(st.sampled_from(("the ", "a ", "", "that ")))
    prepositions = {"in": ("in", "into", "inside"), "on": ("on", "onto", "on top of")}[PREPOSITIONS[container]]
    preposition = data.draw(st.sampled_from(prepositions))
    end = data.draw(st.sampled_from(("", ".", "!", ", please", " now")))
    instruction = f"{start}{verb} {article}{movable} {preposition} the {container}{end}"
    assert texts(instruction, EVERYTHING) == [f"pick up the {movable}", subgoal_text("place", movable, container)]


@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(
            [
                "put",
                "pick",
                "up",
                "red",
                "cube",
                "all",
                "the",
                "in",
                "bowl",
                "left",
                "then",
                "and",
                "it",
                ",",
                "not",
                "two",
                "rest",
                "on",
                "push",
                "but",
            ]
        ),
        max_size=12,
    ).map(" ".join)
)
def test_any_text_is_read_or_refused_never_crashes(instruction: str):
    try:
        found = expand(parse(instruction), TABLE)
    except InstructionError:
        return
    assert all(step.object in TABLE for step in found)


@pytest.mark.parametrize(
    ("wordings", "expected"),
    [
        (
            ["pick up the red cube", "grab red", "take the red block", "lift the red one up", "Grasp the RED cube!",
             "pick the red cube up", "could you fetch the red cube, please?", "pick up the red cube from the table",
             "pick up the red cube on the table"],
            ["pick up the red cube"],
        ),
        (
            ["stack the red cube on the blue cube", "stack red on blue", "put the red cube on top of the blue one",
             "place the red block onto the blue block", "pick up the red cube and put it on the blue cube",
             "pile red on blue"],
            ["pick up the red cube", "stack the red cube on the blue cube"],
        ),
        (
            ["push the cylinder to the left", "slide the green cylinder left", "shove green leftwards",
             "nudge the green tube to the left-hand side", "move the green cylinder towards the left",
             "push the cylinder a bit to the left side of the table"],
            ["push the green cylinder to the left"],
        ),
        (
            ["push red to the front", "push the red cube forward", "pull the red cube towards the camera",
             "drag the red cube closer to me"],
            ["push the red cube to the front"],
        ),
        (
            ["push red to the back", "push the red cube away", "slide the red cube backwards",
             "shove the red cube away from the camera"],
            ["push the red cube to the back"],
        ),
        (
            ["press the button", "push the button", "hit the button", "tap the black button", "now press button",
             "press down on the button", "push the button down"],
            ["press the button"],
        ),
        (
            ["pick up the red cube and place it in the bowl", "put the red cube in the bowl",
             "take the red cube, then drop it into the white bowl", "set the red cube down in the bowl",
             "put in the bowl the red cube", "get the red cube into the bowl"],
            ["pick up the red cube", "place the red cube in the bowl"],
        ),
        (
            ["put the red cube and the blue cube in the bowl", "put all the cubes in the bowl",
             "put the red and blue cubes in the bowl", "place every cube in the bowl", "put both cubes in the bowl",
             "put each of the cubes into the bowl", "put everything but the cylinder in the bowl",
             "pick up the red cube and the blue cube and put them in the bowl",
             "put the red cube in the bowl, then the blue one", "collect the two cubes in the bowl",
             "put the red cube in the bowl and the blue cube in the bowl"],
            ["pick up the red cube", "place the red cube in the bowl",
             "pick up the blue cube", "place the blue cube in the bowl"],
        ),
        (
            ["put the cylinder on the plate and everything else in the box",
             "put the green cylinder on the plate, then put the rest in the box",
             "first put green on the plate. After that, put all the other objects into the box",
             "place the cylinder on the plate and the remaining cubes in the box",
             "put the cylinder on the plate and the cubes in the box"],
            ["pick up the green cylinder", "place the green cylinder on the plate",
             "pick up the red cube", "place the red cube in the box",
             "pick up the blue cube", "place the blue cube in the box"],
        ),
        (
            ["stack red on blue, then press the button", "first stack red on blue and then press the button",
             "stack red on blue; press the button", "Stack red on blue. Finally, push the button."],
            ["pick up the red cube", "stack the red cube on the blue cube", "press the button"],
        ),
        (
            ["push red to the left and blue to the right", "push the red cube left, then push the blue cube right"],
            ["push the red cube to the left", "push the blue cube to the right"],
        ),
        (["push the red cube left, then back"], ["push the red cube to the left", "push the red cube to the back"]),
        (["push it left after all"], None),
    ],
)  # fmt: skip
def test_wordings(wordings: list[str], expected: list[str] | None):
    for wording in wordings:
        if expected is None:
            with pytest.raises(InstructionError):
                texts(wording)
        else:
            assert texts(wording) == expected, wording


@pytest.mark.parametrize(
    ("instruction", "parts"),
    [
        ("", ["empty", "pick up"]),
        ("please", ["empty"]),
        ("pick up the gold cube", ["colour 'gold'", *COLOURS]),
        ("pick up the rde cube", ["'rde'", "Did you mean 'red'?"]),
        ("pick up the red sphere", ["object 'sphere'", "cube", "cylinder"]),
        ("pick up the banana", ["object 'banana'"]),
        ("juggle the red cube", ["verb 'juggle'", "pick up", "stack"]),
        ("the red cube", ["starts with a verb"]),
        ("pick up the cube", ["red cube or blue cube", "colour"]),
        ("pick up the yellow cube", ["no yellow cube", "Seen", "red cube"]),
        ("put all the yellow cubes in the bowl", ["no yellow cube"]),
        ("put three cubes in the bowl", ["not 3 cubes"]),
        ("put it in the bowl", ["'it' refers to nothing"]),
        ("put the red cube", ["where should the red cube be put", "bowl", "plate"]),
        ("push the red cube", ["where should the red cube be pushed", *DIRECTIONS]),
        ("push the red cube into the bowl", ["direction"]),
        ("pick up the red cube to the left", ["no direction"]),
        ("pick up", ["which object"]),
        ("put the red cube in", ["too early"]),
        ("put the red cube in the blue cube", ["in the blue cube"]),
        ("put the red cube on the table", ["table", "bowl"]),
        ("put the red cube next to the bowl", ["'next to'"]),
        ("put the red cube on the button", ["button"]),
        ("put the red cube in the green bowl", ["green bowl", "colour"]),
        ("put the red cube in the black bowl", ["'black'", "white"]),
        ("pick up the bowl", ["bowl cannot be moved"]),
        ("pick up the button", ["only be pressed"]),
        ("press the red cube", ["only the button"]),
        ("pick up the red cube, then press it", ["red cube"]),
        ("don't push the red cube to the left", ["don't"]),
        ("never press the button", ["never"]),
        ("press the button twice", ["twice"]),
        ("press the button if the bowl is empty", ["'if'"]),
        ("pick up the red cube and the blue cube", ["one object", "red cube and blue cube"]),
        ("pick up the red cube, then press the button", ["holding the red cube"]),
        ("stack the red cube on the red cube", ["itself"]),
        ("stack all the cubes on the green cylinder", ["only one object fits"]),
        ("stack the cubes", ["where should"]),
        ("put the red cube in the bowl quietly", ["'quietly'"]),
        ("put the red cube in the bowl the blue cube", ["does not fit"]),
        ("put the red cube in the bowl and juggle the blue cube", ["'juggle'"]),
    ],
)
def test_what_is_not_understood_is_named(instruction: str, parts: list[str]):
    with pytest.raises(InstructionError) as error:
        texts(instruction)
    for part in parts:
        assert part in str(error.value)


def test_all_follows_the_order_of_what_is_present():
    assert texts("put everything in the box", ("blue cube", "red cube", "box"))[0] == "pick up the blue cube"


def test_the_rest_may_be_nothing():
    assert texts("put red on the plate and everything else in the box", ("red cube", "plate", "box")) == [
        "pick up the red cube",
        "place the red cube on the plate",
    ]


def test_questions_and_texts_refuse_places_that_do_not_fit():
    assert subgoal_question("place", "red cube", "plate") == "is the red cube on the plate?"
    assert subgoal_question("pick", "red cube") == "is the red cube in the gripper?"
    with pytest.raises(UnknownNameError, match="direction"):
        subgoal_text("push", "red cube", "up")
    with pytest.raises(UnknownNameError, match="skill"):
        subgoal_question("throw", "red cube")


def test_split_phrase():
    assert split_phrase("red cube") == ("red", "cube")
    assert split_phrase("bowl") == (None, "bowl")
    with pytest.raises(UnknownNameError, match="red cub"):
        split_phrase("red cub")
