"""Copies a trained policy to checkpoints/<name>/ with its weights in half precision.

usage: python scripts/release.py <run folder or checkpoint> checkpoints/<name>

Statistics and the ranges of action tokens (everything that is not a weight) keep their precision.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from vla.runtime.checkpoint import find_checkpoint

FILES = ("config.json", "policy_preprocessor*", "policy_postprocessor*")
BUFFERS = ("actions.", "tokenizer.")


def release(source: str, target: Path) -> None:
    """Write the released form of ``source`` to ``target``, replacing what is there but the card."""
    folder = find_checkpoint(source)
    weights = load_file(folder / "model.safetensors")
    halves = {
        name: value if any(part in name for part in BUFFERS) or value.dtype != torch.float32 else value.half()
        for name, value in weights.items()
    }
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        save_file(halves, Path(temporary) / "model.safetensors", metadata={"format": "pt"})
        for pattern in FILES:
            for file in folder.glob(pattern):
                shutil.copy(file, temporary)
        for file in Path(temporary).iterdir():
            file.chmod(0o644)
            file.replace(target / file.name)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    release(sys.argv[1], Path(sys.argv[2]))
