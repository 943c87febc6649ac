"""Tiny models of other people's architectures with random weights, saved as a hub would hold them."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from transformers import (
    AddedToken,
    AutoConfig,
    CLIPImageProcessor,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessor,
    Idefics3Processor,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedConfig,
)

from vla.vlm.tiny import byte_tokenizer

TEMPLATE = (
    "{% for message in messages %}{{ '<|start|>' + message['role'] + ' ' }}{% for part in message['content'] %}"
    "{{ '<image>' if part['type'] == 'image' else part['text'] }}{% endfor %}{{ '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistant ' }}{% endif %}"
)
WITHOUT_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + TEMPLATE
VISION = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
}


def _words(*tokens: str):
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in ("<image>", *tokens)], True)
    return tokenizer


def _text(vocabulary: int) -> PreTrainedConfig:
    return AutoConfig.for_model(
        "llama",
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )


def save_llava(folder: Path, seed: int = 0) -> Path:
    """LLaVA, with a chat template that knows no instructions."""
    torch.manual_seed(seed)
    tokenizer = _words()
    image = tokenizer.convert_tokens_to_ids("<image>")
    config = AutoConfig.for_model(
        "llava",
        vision_config=AutoConfig.for_model("clip_vision_model", **VISION),
        text_config=_text(len(tokenizer)),
        image_token_index=image,
    )
    LlavaForConditionalGeneration(cast(LlavaConfig, config)).save_pretrained(folder)
    LlavaProcessor(
        CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=WITHOUT_SYSTEM,
    ).save_pretrained(folder)
    return folder


def save_idefics(folder: Path, seed: int = 0) -> Path:
    """Idefics3, the architecture of SmolVLM."""
    torch.manual_seed(seed)
    tokenizer = _words("<fake_token_around_image>", "<global-img>", "<end_of_utterance>")
    image = tokenizer.convert_tokens_to_ids("<image>")
    config = AutoConfig.for_model(
        "idefics3",
        vision_config=VISION,
        text_config=_text(len(tokenizer)).to_dict(),
        image_token_id=image,
        scale_factor=2,
        pad_token_id=1,
    )
    Idefics3ForConditionalGeneration(config).save_pretrained(folder)
    side = {"longest_edge": 32}
    Idefics3Processor(
        Idefics3ImageProcessor(size=side, max_image_size=side, do_image_splitting=False),
        tokenizer,
        image_seq_len=4,
        chat_template=TEMPLATE,
    ).save_pretrained(folder)
    return folder
