"""The model as a whole, on tiny random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

from tests.vla.vlm.helpers import CONNECTORS, frame, mixed_batch
from vla.errors import ConfigError, UnknownNameError
from vla.vlm import VisionLanguageModel, VlmConfig, VlmProcessor
from vla.vlm.tiny import tiny_vlm

CLOSE: dict[str, Any] = {"atol": 1e-4, "rtol": 1e-4}


def logits_of(model: VisionLanguageModel, inputs: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(**inputs).logits


@pytest.mark.parametrize("connector", CONNECTORS)
def test_forward_and_backward(connector: str) -> None:
    model, processor = tiny_vlm(connector)
    inputs = mixed_batch(processor)
    output = model.train()(**inputs, labels=inputs["input_ids"])
    output.loss.backward()
    assert output.logits.shape == (*inputs["input_ids"].shape, len(processor.tokenizer))
    assert output.image_features.shape == (4, model.connector.num_tokens, 32)
    missing = {name for name, value in model.named_parameters() if value.grad is None}
    assert all("post_layernorm" in name for name in missing), missing  # CLIP's, of the pooled output only


@pytest.mark.parametrize("connector", [*CONNECTORS, "objects"])
def test_saved_and_loaded_by_the_auto_classes(connector: str, tmp_path: Path) -> None:
    model, processor = tiny_vlm(connector, grounding="text" if connector == "linear" else "tokens")
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    assert {file.suffix for file in tmp_path.iterdir()} == {".json", ".jinja", ".safetensors"}
    assert isinstance(AutoConfig.from_pretrained(tmp_path), VlmConfig)
    restored = AutoModelForImageTextToText.from_pretrained(tmp_path)
    assert isinstance(restored, VisionLanguageModel)
    again = AutoProcessor.from_pretrained(tmp_path)
    assert isinstance(again, VlmProcessor)
    before = model.state_dict()
    after = restored.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    inputs, same = mixed_batch(processor), mixed_batch(again)
    assert all(torch.equal(inputs[key], same[key]) for key in inputs)
    assert torch.equal(logits_of(restored, same), logits_of(model, inputs))
    assert again.chat_template == processor.chat_template
    assert again.locations == processor.locations
    assert restored.generation_config.suppress_tokens == model.generation_config.suppress_tokens  # type: ignore[union-attr]


def test_saved_in_half_precision(tmp_path: Path) -> None:
    model, processor = tiny_vlm()
    model.bfloat16().save_pretrained(tmp_path)
    restored = VisionLanguageModel.from_pretrained(tmp_path)
    assert {parameter.dtype for parameter in restored.parameters()} == {torch.bfloat16}
    assert logits_of(restored, mixed_batch(processor)).isfinite().all()
    whole = VisionLanguageModel.from_pretrained(tmp_path, dtype=torch.float32)
    assert {parameter.dtype for parameter in whole.parameters()} == {torch.float32}


@pytest.mark.parametrize("connector", CONNECTORS)
def test_images_and_their_order_matter(connector: str) -> None:
    model, processor = tiny_vlm(connector)
    outputs = [
        logits_of(model, processor(text="<image><image>?", images=[frame(i), frame(j)]))[:, -1]
        for i, j in ((0, 1), (1, 0), (0, 2))
    ]
    for i in range(3):
        for j in range(i):
            assert (outputs[i] - outputs[j]).abs().max() > 1e-5


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_batch_gives_what_each_prompt_gives_alone(side: str) -> None:
    model, processor = tiny_vlm()
    texts = ["<image> and <image>", "something longer about <image> than the others", "nothing"]
    images = [[frame(0), frame(1)], [frame(2)], []]
    batch = processor(text=texts, images=images, padding_side=side)
    together = logits_of(model, batch)
    for row, (text, own) in enumerate(zip(texts, images, strict=True)):
        alone = logits_of(model, processor(text=text, images=own))[0]
        mask = batch["attention_mask"][row].bool()
        torch.testing.assert_close(together[row][mask], alone, **CLOSE)


def test_image_tokens_are_not_predicted() -> None:
    model, processor = tiny_vlm()
    inputs = processor(text="<image> cube", images=frame())
    labels = inputs["input_ids"].clone()
    loss = model(**inputs, labels=labels).loss
    masked = labels.masked_fill(labels == processor.image_token_id, -100)
    assert torch.equal(loss, model(**inputs, labels=masked).loss)
    scores = model(**inputs).logits[0, :-1].log_softmax(-1)
    targets = labels[0, 1:]
    counted = (targets != processor.image_token_id).nonzero().flatten()
    torch.testing.assert_close(loss, -scores[counted, targets[counted]].mean(), **CLOSE)


@pytest.mark.parametrize("connector", ["mlp", "qformer"])
def test_the_cache_changes_nothing(connector: str) -> None:
    model, processor = tiny_vlm(connector)
    inputs = mixed_batch(processor)
    options = {"max_new_tokens": 8, "min_new_tokens": 8, "do_sample": False}
    cached = model.generate(**inputs, **options)
    assert cached.shape == (3, inputs["input_ids"].shape[1] + 8)
    assert torch.equal(cached, model.generate(**inputs, **options, use_cache=False))
    assert not (cached[:, -8:] == processor.image_token_id).any()


def test_generation_of_a_batch_equals_one_by_one() -> None:
    model, processor = tiny_vlm()
    texts, images = ["<image><image> a", "b <image> longer prompt"], [[frame(0), frame(1)], [frame(2)]]
    options = {"max_new_tokens": 6, "min_new_tokens": 6, "do_sample": False}
    together = model.generate(**processor(text=texts, images=images), **options)[:, -6:]
    for row in range(2):
        alone = model.generate(**processor(text=texts[row], images=images[row]), **options)[:, -6:]
        assert torch.equal(alone[0], together[row])


def test_images_are_looked_at_once_a_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    model, processor = tiny_vlm()
    looks = []
    encode = model.get_image_features
    monkeypatch.setattr(model, "get_image_features", lambda images: looks.append(len(images)) or encode(images))
    model.generate(**mixed_batch(processor), max_new_tokens=5, min_new_tokens=5)
    assert looks == [4]


def test_beams_keep_their_images() -> None:
    model, processor = tiny_vlm()
    inputs = processor(text=["<image><image> a", "b <image>"], images=[[frame(0), frame(1)], [frame(2)]])
    options = {"max_new_tokens": 4, "min_new_tokens": 4, "do_sample": False, "num_beams": 3}
    together = model.generate(**inputs, **options)[:, -4:]
    alone = model.generate(**processor(text="<image><image> a", images=[frame(0), frame(1)]), **options)[:, -4:]
    assert torch.equal(together[:1], alone)


def test_components_are_frozen_and_counted() -> None:
    model, processor = tiny_vlm()
    counts = model.count_parameters()
    assert sum(count.total for count in counts.values()) == sum(value.numel() for value in model.parameters())
    model.freeze("vision", "language")
    counts = model.count_parameters()
    assert [counts[name].trainable for name in ("vision", "language")] == [0, 0]
    assert counts["connector"].trainable == counts["connector"].total > 0
    inputs = mixed_batch(processor)
    model(**inputs, labels=inputs["input_ids"]).loss.backward()
    assert all((value.grad is not None) == name.startswith("connector.") for name, value in model.named_parameters())
    model.unfreeze("vision")
    assert model.count_parameters()["vision"].trainable == counts["vision"].total
    with pytest.raises(UnknownNameError, match=r"component 'vison'.*Did you mean 'vision'"):
        model.freeze("vison")


def test_gradient_checkpointing_gives_the_same_gradients() -> None:
    model, processor = tiny_vlm()
    inputs = mixed_batch(processor)
    gradients = []
    for checkpointing in (False, True):
        if checkpointing:
            model.gradient_checkpointing_enable()
        model.train().zero_grad()
        model(**inputs, labels=inputs["input_ids"], use_cache=False).loss.backward()
        gradients.append(next(model.connector.parameters()).grad)
    torch.testing.assert_close(*gradients)


def test_only_the_logits_that_are_asked_for() -> None:
    model, processor = tiny_vlm()
    inputs = mixed_batch(processor)
    with torch.no_grad():
        last = model(**inputs, logits_to_keep=1).logits
    torch.testing.assert_close(last, logits_of(model, inputs)[:, -1:], **CLOSE)


def test_wrong_inputs_say_what_is_wrong() -> None:
    model, processor = tiny_vlm()
    inputs = processor(text="<image>", images=frame())
    with pytest.raises(ConfigError, match="4 image placeholders, but the images became 8 tokens"):
        model(**(inputs | {"pixel_values": inputs["pixel_values"].repeat(2, 1, 1, 1)}))
    with pytest.raises(ConfigError, match="4 image placeholders, but the images became 0"):
        model(input_ids=inputs["input_ids"])
    with pytest.raises(ConfigError, match="either input_ids or inputs_embeds"):
        model(pixel_values=inputs["pixel_values"])
    with pytest.raises(UnknownNameError, match="connector 'mpl'"):
        tiny_vlm("mpl")
    with pytest.raises(ConfigError, match="unknown connector option 'connector_depht'"):
        tiny_vlm(connector_depht=3)
