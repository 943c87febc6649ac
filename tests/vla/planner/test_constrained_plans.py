"""Whatever a model would rather say, its answer is a plan, and fits the budget."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from llguidance import LLMatcher

from vla.errors import ConfigError, PlanError
from vla.language import MOVABLES, SKILLS, Step
from vla.planner.phrases import CHOICES, VAGUE, check_phrase, check_step, step_text
from vla.planner.plan_grammar import json_box_grammar, json_plan_grammar, location_grammar, sentence_grammar
from vla.planner.plan_json import box_schema, plan_schema, read_box, read_json
from vla.vlm.constraint import Grammar, Guide, json_grammar
from vla.vlm.grounding import ABSENT, Grounding
from vla.vlm.prompts import DONE, read_answer
from vla.vlm.tiny import byte_tokenizer
from vla.vlm.vocabulary import add_tokens

seeds = st.integers(0, 10**6)
LOCATIONS = {style: Grounding(style, 128) for style in ("tokens", "text")}


def guide_of(locations: Grounding) -> tuple[Guide, list[int]]:
    tokenizer = byte_tokenizer()
    add_tokens(tokenizer, locations)
    return Guide(tokenizer), tokenizer.convert_tokens_to_ids(locations.tokens)  # pyright: ignore


GUIDES = {style: guide_of(locations) for style, locations in LOCATIONS.items()}


def write(guide: Guide, grammar: Grammar, seed: int, budget: int) -> str:
    """What a model of random taste writes; it dislikes some tokens strongly, the end among them half of the time."""
    random = torch.Generator().manual_seed(seed)
    size = len(guide.tokenizer)
    taste = 3 * torch.randn(1, size, generator=random)
    taste[0, guide.end] += 8 * (seed % 2) - 4
    processor = guide.processor(grammar, 0)
    ids = torch.zeros(1, 0, dtype=torch.long)
    for _ in range(budget):
        scores = processor(ids, taste + torch.randn(1, size, generator=random))
        token = int(scores[0].argmax())
        if token == guide.end:
            return str(guide.tokenizer.decode(ids[0].tolist()))
        ids = torch.cat([ids, torch.tensor([[token]])], dim=1)
    raise AssertionError(f"no end within {budget} tokens: {guide.tokenizer.decode(ids[0].tolist())!r}")


def fits(guide: Guide, schema: dict, text: str) -> bool:
    """Whether a text is JSON of a schema."""
    matcher = LLMatcher(guide.compiled(len(guide.tokenizer)), json_grammar(schema).text)
    tokens: list[int] = guide.tokenizer(text, add_special_tokens=False)["input_ids"]  # pyright: ignore
    return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()


@settings(max_examples=40, deadline=None)
@given(seeds, st.sampled_from(["tokens", "text"]), st.integers(84, 200))
def test_a_sentence_is_always_an_answer_within_the_budget(seed: int, style: str, budget: int) -> None:
    guide, ids = GUIDES[style]
    answer = read_answer(write(guide, sentence_grammar(LOCATIONS[style], ids, budget), seed, budget), LOCATIONS[style])
    if answer.step is not None:
        check_phrase(answer.step.object)
        if answer.step.skill in ("place", "stack"):
            check_phrase(answer.step.place or "")


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(126, 200))
def test_json_is_always_a_plan_of_the_schema_within_the_budget(seed: int, budget: int) -> None:
    guide, _ = GUIDES["tokens"]
    text = write(guide, json_plan_grammar(budget), seed, budget)
    assert fits(guide, plan_schema(), text)
    try:
        read_json(text)
    except PlanError as error:  # what no grammar can tell: the object as its own place
        assert "itself" in str(error) or "no place" in str(error)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_only_given_objects_are_named(seed: int) -> None:
    guide, ids = GUIDES["tokens"]
    objects = ["red cube", "blue cylinder", "bowl"]
    answer = read_answer(
        write(guide, sentence_grammar(LOCATIONS["tokens"], ids, 90, objects), seed, 90), LOCATIONS["tokens"]
    )
    assert answer.step is None or answer.step.object in objects


@settings(max_examples=20, deadline=None)
@given(seeds, st.sets(st.sampled_from(SKILLS), min_size=1), st.sampled_from([set(), {DONE}]))
def test_only_given_choices_are_planned(seed: int, skills: set[str], end: set[str]) -> None:
    guide, ids = GUIDES["tokens"]
    choices = skills | end
    sentence = write(guide, sentence_grammar(LOCATIONS["tokens"], ids, 90, (), choices), seed, 90)
    answer = read_answer(sentence, LOCATIONS["tokens"])
    assert answer.refusal or (answer.step.skill if answer.step else DONE) in choices
    text = write(guide, json_plan_grammar(160, (), choices), seed, 160)
    assert fits(guide, plan_schema((), choices), text)
    assert not any(f'"skill": "{skill}"' in text for skill in set(CHOICES) - choices)
    assert DONE in choices or '"done"' not in text


@settings(max_examples=20, deadline=None)
@given(seeds, st.sampled_from(["tokens", "text"]))
def test_a_box_is_well_formed_or_absent(seed: int, style: str) -> None:
    guide, ids = GUIDES[style]
    text = write(guide, location_grammar(LOCATIONS[style], ids), seed, 32)
    assert text == ABSENT or LOCATIONS[style].read_box(text)
    text = write(guide, json_box_grammar(), seed, 40)
    assert fits(guide, box_schema(), text)
    read_box(text)


def test_any_schema_holds_the_answer() -> None:
    guide, _ = GUIDES["tokens"]
    schema = {"type": "object", "properties": {"n": {"enum": [1, 2]}}, "required": ["n"], "additionalProperties": False}
    for seed in range(0, 20, 2):
        assert json.loads(write(guide, json_grammar(schema), seed + 1, 200))["n"] in (1, 2)
    with pytest.raises(ConfigError, match="grammar"):
        guide.check(json_grammar({"type": "nonsense"}))


@pytest.mark.parametrize("budget", [20, 40])
def test_a_budget_that_no_plan_fits_is_refused(budget: int) -> None:
    with pytest.raises(ConfigError, match=f"max_tokens={budget} is too short"):
        sentence_grammar(LOCATIONS["tokens"], GUIDES["tokens"][1], budget)
    with pytest.raises(ConfigError, match="too short"):
        json_plan_grammar(budget)


@pytest.mark.parametrize(
    "phrase", ["everything", "all cubes", "them", "it", "tidy up", "red cubes", "", "Red cube", "a cube"]
)
def test_what_is_vague_is_no_phrase(phrase: str) -> None:
    with pytest.raises(PlanError):
        check_phrase(phrase)
    with pytest.raises(PlanError):
        read_json(json.dumps({"plan": {"skill": "pick", "object": phrase, "box": None}}))
    guide, ids = GUIDES["tokens"]
    processor = guide.processor(sentence_grammar(LOCATIONS["tokens"], ids, 160), 0)
    ids_so_far = guide.tokenizer(f"pick up the {phrase}", add_special_tokens=False, return_tensors="pt")["input_ids"]
    with pytest.raises(ConfigError):  # the grammar stops at the vague word
        scores = processor(ids_so_far, torch.zeros(1, len(guide.tokenizer)))  # pyright: ignore
        if scores[0, guide.end] == -torch.inf:
            raise ConfigError("it does not end here")


@given(st.sampled_from(MOVABLES))
def test_the_objects_of_the_suite_are_phrases(phrase: str) -> None:
    assert check_phrase(phrase) == phrase
    assert not set(phrase.split()) & set(VAGUE)


@pytest.mark.parametrize(
    "step",
    [Step("place", "red cube", "red cube"), Step("place", "red cube", "blue cube"), Step("stack", "red cube", "bowl"),
     Step("place", "red cube", "left"), Step("push", "red cube", "bowl")],
)  # fmt: skip
def test_a_place_fits_its_skill(step: Step) -> None:
    with pytest.raises(PlanError):
        check_step(step)


def test_words_beyond_the_vocabulary_make_a_subgoal() -> None:
    assert step_text(Step("place", "apple", "mug")) == "place the apple in the mug"
    assert step_text(Step("place", "apple", "plate")) == "place the apple on the plate"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"plan": 3}', '{"plan": {"done": false}}', '{"plan": {"skill": "fly", "object": "cube"}}',
     '{"plan": {"skill": "pick", "object": "cube", "place": "bowl", "box": null}}',
     '{"plan": {"skill": "pick", "object": "cube", "box": [1, 2, 3]}}', '{"plan": {"refuse": " "}}',
     '{"plan": {"skill": "pick", "object": "cube", "box": null, "and": 1}}'],
)  # fmt: skip
def test_what_is_no_plan_is_not_read(text: str) -> None:
    with pytest.raises(PlanError):
        read_json(text)


def test_corners_in_any_order_make_a_box() -> None:
    assert read_box('{"box": [500, 750, 250, 500]}') == read_box('{"box": [250, 500, 500, 750]}')
    assert read_box('{"box": [500, 750, 500, 800]}') is None
