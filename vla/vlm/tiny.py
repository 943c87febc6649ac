"""A model of random weights that runs in milliseconds: the real classes, for tests and dry runs of a training stage."""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, PreTrainedTokenizerFast

from vla.vlm.building import build_vlm
from vla.vlm.modeling import VisionLanguageModel
from vla.vlm.processing import VlmProcessor
from vla.vlm.vision.transformers_encoder import describe

IMAGE_SIZE = 32
HIDDEN = 32
START, END = "<|start|>", "<|end|>"


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer with one token a byte, and two that delimit messages."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {word: index for index, word in enumerate([START, END, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=END,
        pad_token=END,
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = (
        "{% for message in messages %}{{ bos_token + message['role'] + ' ' + message['content'] + eos_token }}"
        "{% endfor %}{% if add_generation_prompt %}{{ bos_token + 'assistant ' }}{% endif %}"
    )
    return wrapped


def tiny_vlm(
    connector: str = "mlp",
    *,
    grounding: str = "tokens",
    location_bins: int = 16,
    seed: int = 0,
    **connector_options: int,
) -> tuple[VisionLanguageModel, VlmProcessor]:
    """Return a model of some ten thousand parameters for images of 32² px, 16 patches each.

    Args:
        connector: see ``build_vlm``.
        grounding: see ``build_vlm``.
        location_bins: see ``build_vlm``.
        seed: of the weights.
        connector_options: see ``build_vlm``.
    """
    vision = AutoConfig.for_model(
        "clip_vision_model",
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=IMAGE_SIZE,
        patch_size=8,
    )
    language = AutoConfig.for_model(
        "llama",
        vocab_size=len(byte_tokenizer()),
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
    )
    small: dict[str, Any] = {
        "connector_tokens": 4,
        "connector_depth": 1,
        "connector_heads": 2,
        "connector_dim": 16,
        **connector_options,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_vlm(
            describe(vision, None, [0.5] * 3, [0.5] * 3, "tiny"),
            connector,
            language,
            tokenizer=byte_tokenizer(),
            grounding=grounding,
            location_bins=location_bins,
            **small,
        )
