"""How well tokens keep real teleoperation: mean absolute error of chunks relative to the state [deg]."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from policies.action_tokenizers import make_tokenizer
from policies.action_tokenizers.chunks import gather_chunks, read_motion

DATASET = Path(__file__).resolve().parents[4] / "shared" / "data" / "so101_real"
CHUNK, GRIPPER = 16, 5
BOUNDS = {"dct": 0.25, "uniform": 0.2, "quantile": 0.2, "fast": 0.45}


@pytest.fixture(scope="module")
def targets() -> np.ndarray:
    """Chunks (N, T, 6) of which the joints are relative to the state and the gripper is absolute."""
    if not DATASET.is_dir():
        pytest.skip(f"{DATASET} is not on this machine")
    chunks, states = gather_chunks(read_motion(DATASET), CHUNK)
    offset = states.copy()
    offset[:, GRIPPER] = 0
    return (chunks - offset[:, None]).astype(np.float32)


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_reconstruction_error(targets: np.ndarray, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    tokenizer = make_tokenizer(name, CHUNK, targets.shape[2])
    tokenizer.fit(targets)
    data = torch.from_numpy(targets)
    error = (tokenizer.decode(tokenizer.encode(data)) - data).abs()
    joints, gripper = error[..., :GRIPPER], error[..., GRIPPER]
    with capsys.disabled():
        print(
            f"\n| {name} | {tokenizer.num_tokens} tokens of {tokenizer.vocab_size} | joints {joints.mean():.3f} deg, "
            f"99% below {joints.flatten()[::5].quantile(0.99):.2f} | gripper {gripper.mean():.3f} |"
        )
    assert joints.mean() < BOUNDS[name]
    assert gripper.mean() < 2 * BOUNDS[name]
