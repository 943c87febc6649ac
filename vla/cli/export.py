"""`vla export`: writes a checkpoint as ONNX, for programs that have neither torch nor this package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from vla.cli.options import check_range
from vla.errors import ConfigError
from vla.runtime.lerobot_policy import load_policy


def run(config: DictConfig) -> int:
    """Write ``policy.onnx`` and ``policy.json`` to ``output=``, and ``policy_int8.onnx`` with ``calibrate=``."""
    check_range("frames", config.frames, 1)
    output = Path(config.output)
    if output.exists() and not output.is_dir():
        raise ConfigError(f"output={output} is a file; name a folder")
    policy = load_policy(str(config.checkpoint), device="cpu", runtime="torch")
    batches = _batches(str(config.calibrate), int(config.frames)) if config.calibrate else ()
    for path in policy.export(output, batches):
        print(f"wrote {path} ({path.stat().st_size / 1e6:.2f} MB)")
    return 0


def _batches(name: str, frames: int) -> Iterator[dict[str, Any]]:
    """Yield frames of a dataset, evenly spaced, each as a batch of one."""
    import numpy as np
    from lerobot.datasets.lerobot_dataset import LeRobotDataset
    from torch.utils.data import default_collate

    from vla.data.location import dataset_location

    repo_id, root = dataset_location(name)
    dataset = LeRobotDataset(repo_id, root=root)
    for index in np.unique(np.linspace(0, len(dataset) - 1, frames).round().astype(int)):
        yield default_collate([dataset[int(index)]])
