"""Toy views, and tiny models whose language model has a source."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoConfig, LlamaForCausalLM

from vla.types import Box
from vla.vlm.building import build_vlm
from vla.vlm.examples import Question, Region, View
from vla.vlm.modeling import VisionLanguageModel
from vla.vlm.processing import VlmProcessor
from vla.vlm.tiny import HIDDEN, byte_tokenizer
from vla.vlm.training.options import VlmTrainOptions
from vla.vlm.vision.transformers_encoder import describe

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220), "yellow": (220, 210, 30)}
SIDE, CELL = 64, 16
STATES = {"red": "table", "green": "bowl", "blue": "table", "yellow": "bowl"}


def toy_view(seed: int) -> View:
    """A table with two squares of different colours, in a 4 x 4 grid."""
    random = np.random.default_rng(seed)
    names = [str(name) for name in random.permutation(list(COLOURS))[:2]]
    cells = random.choice(16, size=2, replace=False)
    pixels = np.full((SIDE, SIDE, 3), 120, np.uint8)
    regions = []
    for name, cell in zip(names, cells, strict=True):
        y, x = (int(place) * CELL for place in divmod(int(cell), 4))
        pixels[y : y + CELL, x : x + CELL] = COLOURS[name]
        regions.append(
            Region(f"{name} cube", Box(x / SIDE, y / SIDE, (x + CELL) / SIDE, (y + CELL) / SIDE), 1.0, STATES[name])
        )
    other = next(name for name in COLOURS if name not in names)
    questions = (
        Question("caption", "What is there?", f"a {names[0]} cube and a {names[1]} cube"),
        Question("grounding", f"Where is the {names[0]} cube?", "<box>", (regions[0].box,)),
        Question("existence", f"Is there a {other} cube?", "no", rejected="yes"),
        Question("existence", f"Is there a {names[1]} cube?", "yes", rejected="no"),
    )
    return View((png(pixels),), ("front",), questions, tuple(regions), seed, "toy/squares", 0.0)


def toy_views(train: int = 12, test: int = 4) -> dict[str, list[View]]:
    """Both splits."""
    return {
        "train": [toy_view(seed) for seed in range(train)],
        "test": [toy_view(1000 + seed) for seed in range(test)],
    }


def png(pixels: np.ndarray) -> bytes:
    """An encoded picture."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def language_folder(folder: Path, layers: int = 2) -> str:
    """Write a tiny language model with its tokenizer; return its folder."""
    torch.manual_seed(1)
    config: Any = AutoConfig.for_model(
        "llama",
        vocab_size=len(byte_tokenizer()),
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return str(folder)


def small_vlm(language: str, **values: Any) -> tuple[VisionLanguageModel, VlmProcessor]:
    """A tiny model whose language model comes from a folder."""
    vision = AutoConfig.for_model(
        "clip_vision_model",
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=32,
        patch_size=8,
    )
    described = describe(vision, None, [0.5] * 3, [0.5] * 3, "tiny")
    torch.manual_seed(2)
    return build_vlm(described, language_model=language, location_bins=16, **values)


def options(stage: str, init: str | None, output: Path, **values: Any) -> VlmTrainOptions:
    """Options of a run on toy views."""
    defaults: dict[str, Any] = {
        "batch_size": 2,
        "val_views": 2,
        "precision": "fp32",
        "device": "cpu",
        "log_steps": 1,
    }
    return VlmTrainOptions(stage=stage, data="toy", init=init, output=output, **(defaults | values))
