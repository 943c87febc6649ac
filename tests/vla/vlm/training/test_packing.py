"""A question among others is answered as if it were alone."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.vla.vlm.training.helpers import toy_view
from vla.errors import PlanError
from vla.types import Box
from vla.vlm.examples import Question, View
from vla.vlm.prompts import conversation
from vla.vlm.tiny import tiny_vlm
from vla.vlm.training.answering import answer_log_probabilities, answer_logits
from vla.vlm.training.images import decode, normalise
from vla.vlm.training.items import AnswerItems, PairItems
from vla.vlm.training.new_tokens import NewTokens
from vla.vlm.training.packing import STEP, Row, Segment, collate
from vla.vlm.vocabulary import new_token_ids

MODEL, PROCESSOR = tiny_vlm()
WORDS = st.text("abc xyz?", min_size=1, max_size=12)
QUESTIONS = st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=4)


def paths(row: Row) -> list[tuple[tuple[int, ...], int]]:
    """For each answer, the tokens up to its end as if there were nothing else, and the answer's length."""
    found = []
    for segment in row.segments:
        if segment.answer:
            tokens, parent = segment.tokens, segment.parent
            while parent >= 0:
                tokens = row.segments[parent].tokens + tokens
                parent = row.segments[parent].parent
            found.append((tokens, len(segment.tokens)))
    return found


def random_images(count: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 32, 32), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


@settings(max_examples=15, deadline=None)
@given(views=st.lists(QUESTIONS, min_size=1, max_size=3), cameras=st.integers(1, 2), seed=st.integers(0, 9))
def test_packed_logits_are_those_of_each_turn_alone(
    views: Sequence[list[tuple[str, str, str]]], cameras: int, seed: int
) -> None:
    items, rows = PairItems(PROCESSOR, max_tokens=1000), []
    names = ("front", "wrist")[:cameras]
    for asked in views:
        questions = tuple(Question("count", *words[:2], rejected=words[2]) for words in asked)
        view = View((b"",) * cameras, names, questions, (), 0, "toy", 0.0)
        rows.append(items.prepare(view, random_images(cameras), np.random.default_rng(seed)))
    batch = items.collate(rows)
    tokens = NewTokens(MODEL.language_model, new_token_ids(PROCESSOR))
    with torch.no_grad():
        packed = answer_logits(MODEL, MODEL.get_image_features(normalise(batch["images"], PROCESSOR)), batch, tokens)
        alone = []
        for row in rows:
            for path, size in paths(row):
                ids = torch.tensor([path])
                logits = MODEL(input_ids=ids, pixel_values=normalise(row.images, PROCESSOR)).logits
                alone.append(logits[0, -size - 1 : -1])
    torch.testing.assert_close(packed, torch.cat(alone), atol=1e-5, rtol=1e-4)


def test_a_turn_is_what_the_processor_makes_of_the_conversation() -> None:
    view = toy_view(3)
    row = AnswerItems(PROCESSOR, 1000, ["grounding"]).prepare(view, random_images(1), np.random.default_rng(0))
    question = next(question for question in view.questions if question.kind == "grounding")
    prompt = PROCESSOR.apply_chat_template(conversation(question.prompt, view.cameras), add_generation_prompt=True)
    wanted = PROCESSOR(text=str(prompt), images=[np.zeros((8, 8, 3), np.uint8)])["input_ids"][0].tolist()
    answer = PROCESSOR.locations.write_box(question.boxes[0])
    ((path, _),) = paths(row)
    assert list(path[: len(wanted)]) == wanted
    assert PROCESSOR.tokenizer.decode(list(path[len(wanted) :])) == answer + str(PROCESSOR.tokenizer.eos_token)


@settings(max_examples=25, deadline=None)
@given(asked=QUESTIONS, room=st.integers(1, 200), seed=st.integers(0, 5))
def test_rows_keep_to_their_room(asked: list[tuple[str, str, str]], room: int, seed: int) -> None:
    questions = tuple(Question("count", *words[:2]) for words in asked)
    view = View((b"",), ("front",), questions, (), 0, "toy", 0.0)
    row = AnswerItems(PROCESSOR, room).prepare(view, random_images(1), np.random.default_rng(seed))
    count = sum(segment.answer for segment in row.segments)
    assert 1 <= count <= len(questions)
    assert row.length <= room or count == 1
    everything = AnswerItems(PROCESSOR, 10_000).prepare(view, random_images(1), np.random.default_rng(seed))
    assert sum(segment.answer for segment in everything.segments) == len(questions)


def test_kinds_choose_questions() -> None:
    items = AnswerItems(PROCESSOR, 1000, ["caption"])
    view = toy_view(0)
    assert items.usable(view)
    assert (
        sum(segment.answer for segment in items.prepare(view, random_images(1), np.random.default_rng(0)).segments) == 1
    )
    assert not AnswerItems(PROCESSOR, 1000, ["sign"]).usable(view)


def test_log_probabilities_are_sums_over_answers() -> None:
    root, question = Segment((5, 6), -1), Segment((7,), 0)
    row = Row((root, question, Segment((8, 9), 1, True), Segment((3,), 1, True)), random_images(1))
    batch = collate([row], pad=0)
    assert batch["answer"].tolist() == [0, 0, 1]
    assert batch["place"].tolist() == [2, 3, 2]
    assert batch["position_ids"][0, : row.length].tolist() == [0, 1, 2, 3, 4, 3]
    assert batch["input_ids"].shape[1] % STEP == 0
    logits = torch.randn(3, 20, generator=torch.Generator().manual_seed(0))
    each = logits.log_softmax(dim=1)[torch.arange(3), batch["target"]]
    torch.testing.assert_close(answer_log_probabilities(logits, batch), torch.stack([each[:2].sum(), each[2]]))


def test_new_rows_start_where_the_model_is_and_are_stored_there() -> None:
    model, processor = tiny_vlm(seed=1)
    language, ids = model.language_model, torch.tensor([[1, 2, *new_token_ids(processor)]])
    tokens = NewTokens(language, new_token_ids(processor))
    embedding = language.get_input_embeddings()
    assert isinstance(embedding, torch.nn.Embedding)
    assert torch.equal(tokens.embed(language, ids), embedding(ids))
    old = embedding.weight.detach().clone()
    with torch.no_grad():
        for rows in tokens.rows.values():
            rows += 1
    hidden = torch.randn(3, old.shape[1])
    embedded, logits = tokens.embed(language, ids), tokens.logits(language, hidden)
    tokens.store(language)
    torch.testing.assert_close(embedded, embedding(ids))
    head = language.get_output_embeddings()
    assert head is not None
    torch.testing.assert_close(logits, head(hidden))
    assert torch.equal(old[:2], embedding.weight[:2])


def test_images_are_decoded_as_the_processor_does() -> None:
    view = toy_view(5)
    stored = decode(view, PROCESSOR)
    direct = PROCESSOR(text="<image>", images=[Image.open(io.BytesIO(view.images[0]))])["pixel_values"]
    torch.testing.assert_close(normalise(stored, PROCESSOR), direct, atol=0.02, rtol=0)


@pytest.mark.parametrize("boxes", [(), (Box(0, 0, 1, 1), Box(0, 0, 1, 1))])
def test_boxes_must_fit_the_answer(boxes: tuple[Box, ...]) -> None:
    view = View((b"",), ("front",), (Question("grounding", "where?", "<box>", boxes),), (), 0, "toy", 0.0)
    with pytest.raises(PlanError, match="places for boxes"):
        AnswerItems(PROCESSOR, 100).prepare(view, random_images(1), np.random.default_rng(0))
