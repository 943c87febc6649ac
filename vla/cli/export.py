"""`vla export`: writes a checkpoint as ONNX, for programs that have neither torch nor this package."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from vla.errors import ConfigError
from vla.runtime.lerobot_policy import load_policy


def run(config: DictConfig) -> int:
    """Write ``policy.onnx`` and ``policy.json`` to ``output=``."""
    output = Path(config.output)
    if output.exists() and not output.is_dir():
        raise ConfigError(f"output={output} is a file; name a folder")
    policy = load_policy(str(config.checkpoint), device="cpu", runtime="torch")
    for path in policy.export(output):
        print(f"wrote {path} ({path.stat().st_size / 1e6:.2f} MB)")
    return 0
