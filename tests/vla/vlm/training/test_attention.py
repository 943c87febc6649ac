"""Attention for training on a CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from tests.vla.vlm.training.helpers import language_folder
from vla.vlm.training.attention import NAME, use_plain_products


def logits(model: Any, mask: torch.Tensor) -> torch.Tensor:
    ids = torch.arange(2 * 12).view(2, 12) + 3
    return model(input_ids=ids, attention_mask=mask, use_cache=False).logits


@pytest.mark.parametrize("masked", [False, True])
def test_attends_as_torch_does(masked: bool, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(language_folder(tmp_path)).eval()
    allowed = torch.ones(12, 12).tril().bool()
    allowed[8:, 2:5] = not masked
    mask = torch.zeros(2, 1, 12, 12).masked_fill(~allowed, torch.finfo(torch.float32).min)
    usual = logits(model, mask)
    use_plain_products(model)
    assert model.config._attn_implementation == NAME
    torch.testing.assert_close(logits(model, mask), usual, atol=1e-4, rtol=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(logits(model, mask).float(), usual, atol=0.05, rtol=0.05)


def test_leaves_models_with_other_attention_as_they_are() -> None:
    config = AutoConfig.for_model("gemma2", vocab_size=40, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                                  num_attention_heads=2, num_key_value_heads=1, head_dim=8)  # fmt: skip
    model = AutoModelForCausalLM.from_config(config)
    before = model.config._attn_implementation
    use_plain_products(model)
    assert model.config._attn_implementation == before != NAME
