"""Exported networks predict what the policy itself does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from policies.late_fusion import acceleration
from policies.late_fusion.inputs import unpack
from tests.policies.helpers import CHUNK, STATE_CROP, small_batch, small_policy
from vla.data.sentences import shared_text_encoder
from vla.errors import CheckpointError, ConfigError, UnknownNameError

VARIANTS: dict[str, dict[str, Any]] = {
    "l1, resized, with a crop": {"image_size": 48, "crop_size": 24},
    "dct": {"head": "tokens"},
    "quantile, no text, absolute, crop around the state": {
        "head": "tokens",
        "tokenizer": "quantile",
        "use_text": False,
        "relative_actions": False,
        **STATE_CROP,
    },
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "vla" / "onnx"


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_onnx_predicts_what_torch_does_for_any_batch(motion: Path, variant: str) -> None:
    policy = small_policy(motion, **VARIANTS[variant]).eval()
    batch = small_batch()
    expected = policy.predict_action_chunk(batch)
    policy.use_runtime("onnx")
    torch.testing.assert_close(policy.predict_action_chunk(batch), expected, atol=1e-3, rtol=0)
    one = {key: value[:1] for key, value in batch.items()}
    torch.testing.assert_close(policy.predict_action_chunk(one), expected[:1], atol=1e-3, rtol=0)
    policy.use_runtime("torch")
    assert torch.equal(policy.predict_action_chunk(batch), expected)


@pytest.mark.slow
def test_exports_are_kept_until_the_weights_change(motion: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = small_policy(motion)
    policy.use_runtime("auto")
    assert len(list(cache.iterdir())) == 1
    written: list[Path] = []
    monkeypatch.setattr(acceleration, "_write_onnx", lambda network, path: written.append(path))
    policy.use_runtime("onnx")
    assert not written
    with torch.no_grad():
        next(policy.parameters()).add_(0.1)
    with pytest.raises(Exception, match=r"(?i)no such file|doesn't exist"):
        policy.use_runtime("onnx")
    assert written


@pytest.mark.slow
def test_int8_predicts_nearly_what_torch_does_once_calibrated(motion: Path, tmp_path: Path) -> None:
    policy = small_policy(motion, crop_size=24).eval()
    with pytest.raises(ConfigError, match="vla export <checkpoint> calibrate="):
        policy.use_runtime("int8")
    batch = small_batch()
    expected = policy.predict_action_chunk(batch)
    one_by_one = [
        {key: value[i : i + 1] for key, value in batch.items()} for i in range(len(batch["observation.state"]))
    ]
    files = policy.export(tmp_path / "export", one_by_one)
    assert [file.name for file in files] == ["policy.onnx", "policy.json", "policy_int8.onnx"]
    assert files[2].stat().st_size < files[0].stat().st_size
    policy.use_runtime("int8")
    actions = policy.predict_action_chunk(batch)
    assert not torch.equal(actions, expected)
    assert (actions - expected).abs().mean() < 0.05 * expected.std()


@pytest.mark.slow
def test_an_exported_policy_runs_by_its_description_alone(motion: Path, tmp_path: Path) -> None:
    import onnxruntime

    policy = small_policy(motion, crop_size=24)
    program, description = policy.export(tmp_path / "export")
    said = json.loads(description.read_text())
    session = onnxruntime.InferenceSession(str(program), providers=["CPUExecutionProvider"])
    assert {node.name for node in session.get_inputs()} == set(said["inputs"])
    batch = small_batch()
    inputs = unpack(batch, policy.config)
    text = shared_text_encoder(said["inputs"]["text"]["encoder"])(inputs.texts)
    frames = {key: value.float() / 255 if value.dtype == torch.uint8 else value for key, value in inputs.frames.items()}
    feed = {**frames, "state": inputs.states, "goal": inputs.goals, "text": text}
    (output,) = session.run(None, {name: np.asarray(value) for name, value in feed.items()})
    actions = np.asarray(output)
    assert list(actions.shape[1:]) == said["outputs"]["actions"]["shape"][1:] == [CHUNK, 6]
    np.testing.assert_allclose(actions, policy.predict_action_chunk(batch), atol=1e-3)


def test_what_cannot_be_exported_stays_with_torch(motion: Path, tmp_path: Path) -> None:
    policy = small_policy(motion, head="tokens", tokenizer="fast", fast_max_tokens=24, fast_vocab_size=256)
    policy.use_runtime("auto")
    assert policy._predictor is None
    for attempt in (lambda: policy.use_runtime("onnx"), lambda: policy.export(tmp_path)):
        with pytest.raises(ConfigError, match="tokenizer=fast"):
            attempt()


def test_bad_runtimes_are_named(motion: Path) -> None:
    policy = small_policy(motion)
    with pytest.raises(UnknownNameError, match="Did you mean 'onnx'"):
        policy.use_runtime("onx")
    with pytest.raises(ConfigError, match="device=cuda"):
        acceleration.make_predictor(policy.network, "onnx", "cuda")


def test_unfitted_policies_are_refused(motion: Path) -> None:
    policy = small_policy(motion)
    policy.network.actions.fitted.fill_(False)
    with pytest.raises(CheckpointError, match="no action statistics"):
        policy.use_runtime("onnx")
