"""A light model on disk is the same model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageTextToText

from tests.vla.vlm.helpers import frame
from tests.vla.vlm.training.helpers import language_folder, small_vlm
from vla.errors import CheckpointError
from vla.vlm import VisionLanguageModel, VlmProcessor
from vla.vlm.bundle import load_vlm, save_light, save_whole
from vla.vlm.depth import keep_layers
from vla.vlm.lora import add_lora, lora_layers, lora_spec, lora_weights


def logits(model: VisionLanguageModel, processor: VlmProcessor) -> torch.Tensor:
    inputs = processor(text="<image>what is there? <loc_3>", images=[frame(1)])
    with torch.no_grad():
        return model(**inputs).logits


def answers(model: VisionLanguageModel, processor: VlmProcessor) -> torch.Tensor:
    inputs = processor(text="<image>what is there?", images=[frame(1)])
    return model.generate(**inputs, max_new_tokens=12, do_sample=False)


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if "token" not in file.name)


def adapted(folder: Path) -> tuple[VisionLanguageModel, VlmProcessor]:
    """A model of which everything that a light folder holds has been changed, in steps that half precision has."""
    model, processor = small_vlm(language_folder(folder, layers=3))
    keep_layers(model.language_model, [0, 2])
    model.config.text_config, model.config.text_layers = model.language_model.config, [0, 2]
    add_lora(model.language_model, 2, ["q_proj", "down_proj"])
    with torch.no_grad():
        for part in (model.vision_encoder, model.connector):
            for weight in part.parameters():
                weight.copy_((weight + 0.01).half())
        for weight in lora_weights(model.language_model).values():
            weight.copy_((torch.randn_like(weight) * 0.2).half())
        rows = model.get_input_embeddings().weight
        rows[-10:] = torch.randn(10, rows.shape[1]).half().float()  # type: ignore[index]
    return model, processor


def test_light_models_answer_the_same(tmp_path: Path) -> None:
    model, processor = adapted(tmp_path / "language")
    save_light(tmp_path / "light", model, processor)
    kept, words = load_vlm(tmp_path / "light", merge=False)
    assert lora_spec(kept.language_model) == {"rank": 2, "targets": ["down_proj", "q_proj"]}
    merged, _ = load_vlm(tmp_path / "light")
    assert not lora_layers(merged.language_model)
    automatic = AutoModelForImageTextToText.from_pretrained(tmp_path / "light")
    assert isinstance(automatic, VisionLanguageModel)
    wanted = logits(model.eval(), processor)
    for other in (kept, merged, automatic):
        torch.testing.assert_close(logits(other, words), wanted, atol=2e-3, rtol=1e-2)
        assert torch.equal(answers(other, words), answers(model, processor))
    save_whole(tmp_path / "whole", model, processor)
    whole, _ = load_vlm(tmp_path / "whole")
    assert whole.config.text_trained
    torch.testing.assert_close(logits(whole, words), wanted, atol=1e-4, rtol=1e-4)
    assert size(tmp_path / "light") < size(tmp_path / "whole") / 2


def test_says_what_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no vision-language model"):
        load_vlm(tmp_path)
    model, processor = adapted(tmp_path / "language")
    save_light(tmp_path / "light", model, processor)
    (tmp_path / "light" / "lora.json").unlink()
    with pytest.raises(CheckpointError, match="does not fit its configuration: lora"):
        load_vlm(tmp_path / "light")
