"""Prompts and frames to inputs: several images, crops, chats, and what does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.vla.vlm.helpers import frame
from vla.errors import ConfigError
from vla.types import Box
from vla.vlm.processing import CROP, VlmProcessor
from vla.vlm.regions import crop_region
from vla.vlm.tiny import byte_tokenizer, tiny_vlm

REGION = Box(0.6, 0.5, 0.7, 0.6)


@pytest.fixture(scope="module")
def processor() -> VlmProcessor:
    return tiny_vlm()[1]


def count_placeholders(processor: VlmProcessor, inputs: Any) -> list[int]:
    return (inputs["input_ids"] == processor.image_token_id).sum(dim=1).tolist()


def test_every_image_gets_its_placeholders(processor: VlmProcessor) -> None:
    inputs = processor(
        text=["<image> then <image>", "no image", "<image>"], images=[[frame(0), frame(1)], [], [frame(2)]]
    )
    assert count_placeholders(processor, inputs) == [8, 0, 4]
    assert inputs["pixel_values"].shape == (3, 3, 32, 32)
    assert inputs["attention_mask"].sum(dim=1).tolist() == [8 + len(" then "), len("no image"), 4]


def test_pictures_and_arrays_are_the_same_images(processor: VlmProcessor) -> None:
    array = frame()
    inputs = [processor(text="<image>", images=image) for image in (array, Image.fromarray(array), [array])]
    assert all(torch.equal(inputs[0]["pixel_values"], other["pixel_values"]) for other in inputs[1:])


def test_pixels_are_normalised(processor: VlmProcessor) -> None:
    for value, expected in ((0, -1.0), (255, 1.0)):
        pixels = processor(text="<image>", images=np.full((40, 60, 3), value, np.uint8))["pixel_values"]
        torch.testing.assert_close(pixels, torch.full((1, 3, 32, 32), expected))


@pytest.mark.parametrize("grounding", ["tokens", "text"])
def test_a_region_adds_its_place_and_its_crop(grounding: str) -> None:
    processor = tiny_vlm(grounding=grounding)[1]
    image = frame(0, 120, 160)
    inputs = processor(text="<image><image>?", images=[image, image], regions=[None, REGION])
    assert count_placeholders(processor, inputs) == [12]
    assert inputs["pixel_values"].shape == (3, 3, 32, 32)
    text = processor.decode(inputs["input_ids"][0])
    assert text.count(CROP) == 1
    covered = processor.locations.read_box(text.split(CROP)[1])
    assert covered.x0 <= REGION.x0 + 0.05
    assert covered.x1 >= REGION.x1 - 0.05
    crop, _ = crop_region(Image.fromarray(image), REGION, 32)
    assert crop.size == (32, 32)
    alone = processor(text="<image>", images=crop)["pixel_values"]
    assert torch.equal(inputs["pixel_values"][2:], alone), "the crop has the frame's own pixels"


fractions = st.tuples(st.floats(0, 0.9), st.floats(0.02, 0.9))


@given(fractions, fractions, st.integers(20, 300), st.integers(20, 300), st.sampled_from([16, 32, 128]))
@settings(deadline=None)
def test_crops_are_squares_within_the_frame_around_their_region(
    across: tuple[float, float], down: tuple[float, float], width: int, height: int, size: int
) -> None:
    region = Box(across[0], down[0], min(1.0, sum(across)), min(1.0, sum(down)))
    crop, covered = crop_region(Image.new("RGB", (width, height)), region, size)
    assert crop.size[0] == crop.size[1] <= min(width, height)
    assert covered.x1 - covered.x0 == pytest.approx(crop.size[0] / width)
    assert covered.y1 - covered.y0 == pytest.approx(crop.size[1] / height)
    x, y = region.center
    assert covered.x0 - 1 / width <= x <= covered.x1 + 1 / width
    assert covered.y0 - 1 / height <= y <= covered.y1 + 1 / height
    longest = max((region.x1 - region.x0) * width, (region.y1 - region.y0) * height)
    if longest + 2 < min(width, height):
        assert covered.x0 - 1 / width <= region.x0
        assert covered.x1 + 1 / width >= region.x1
        assert covered.y0 - 1 / height <= region.y0
        assert covered.y1 + 1 / height >= region.y1


def test_chats_carry_images_in_their_places(processor: VlmProcessor) -> None:
    pictures = [Image.fromarray(frame(seed)) for seed in range(2)]
    messages = [
        {"role": "system", "content": [{"type": "text", "text": "You plan."}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "now "},
                {"type": "image", "image": pictures[0]},
                {"type": "text", "text": " before "},
                {"type": "image", "image": pictures[1]},
            ],
        },
    ]
    prompt = processor.apply_chat_template(messages, add_generation_prompt=True)
    assert prompt == (
        "<|start|>system You plan.<|end|><|start|>user now <image> before <image><|end|><|start|>assistant "
    )
    inputs: Any = processor.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    by_hand = processor(text=prompt, images=pictures)
    assert all(torch.equal(inputs[key], by_hand[key]) for key in by_hand)


def test_plain_contents_are_chats_too(processor: VlmProcessor) -> None:
    messages = [{"role": "user", "content": "hello"}]
    assert processor.apply_chat_template(messages, add_generation_prompt=False) == "<|start|>user hello<|end|>"


def test_answers_keep_their_locations(processor: VlmProcessor) -> None:
    answer = "at <loc_1><loc_2><loc_3><loc_4>"
    ids = processor.tokenizer.encode(answer + "<|end|>")
    assert len(ids) == len("at ") + 5
    assert processor.decode(ids, skip_special_tokens=True) == answer


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text": "<image>", "images": []}, "prompt 0 has 1 placeholders <image>, but 0 images"),
        ({"text": "none", "images": [frame()]}, "prompt 0 has 0 placeholders <image>, but 1 images"),
        ({"text": ["<image>", "<image>"], "images": [[frame()], []]}, "prompt 1 has 1 placeholders"),
        ({"text": ["<image>", "<image>"], "images": [frame(), frame()]}, "list of lists"),
        ({"text": ["<image>"], "images": [[frame()], [frame()]]}, "for 2 prompts, but 1"),
        ({"text": "<image>", "images": [frame()], "regions": [None, None]}, "1 images, but 2 regions"),
        ({"text": "<image>", "images": [frame().astype(np.float32)]}, "float32.*uint8"),
        ({"text": "<image>", "images": [frame()[..., 0]]}, r"\(48, 64\).*uint8"),
        ({"text": "<image>", "images": ["frame.png"]}, "an image is str"),
        ({"images": [frame()]}, "needs text"),
    ],
)
def test_what_does_not_fit_is_named(processor: VlmProcessor, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        processor(**arguments)


def test_a_tokenizer_without_the_models_tokens_is_refused(processor: VlmProcessor) -> None:
    images = processor.image_processor
    with pytest.raises(ConfigError, match=r"lacks 130 tokens.*<image>"):
        VlmProcessor(images, byte_tokenizer())
