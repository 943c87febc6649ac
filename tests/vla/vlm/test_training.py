"""Each connector lets a tiny model learn by heart what four images show."""

from __future__ import annotations

import pytest
import torch

from tests.vla.vlm.helpers import COLOURS, CONNECTORS, plain_frame
from vla.vlm.modeling import IGNORED
from vla.vlm.tiny import tiny_vlm

STEPS = 250


@pytest.mark.parametrize("connector", CONNECTORS)
def test_overfits_four_captions(connector: str) -> None:
    model, processor = tiny_vlm(connector)
    images = [[plain_frame(colour)] for colour in COLOURS]
    inputs = processor(text=[f"<image>{colour}<|end|>" for colour in COLOURS], images=images, padding_side="right")
    labels = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, IGNORED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.0)
    model.train()
    loss = torch.tensor(torch.inf)
    for _ in range(STEPS):
        loss = model(**inputs, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < 0.01:
            break
    model.eval()
    answers = model.generate(**processor(text=["<image>"] * 4, images=images), max_new_tokens=8, do_sample=False)
    said = processor.batch_decode(answers, skip_special_tokens=True)
    assert said == list(COLOURS), f"loss {loss.item():.3f}"
