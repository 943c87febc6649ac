"""Small datasets to inspect, and ways to change them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vla.data.inspection import Report, inspect_folder, read_folder

LENGTHS = (40, 45, 35)
JOINTS = ["pan.pos", "lift.pos", "gripper.pos"]


def write(root: Path, *, video: bool) -> Path:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    vector = {"dtype": "float32", "shape": (3,), "names": JOINTS}
    features = {
        "observation.images.front": {
            "dtype": "video" if video else "image",
            "shape": (64, 96, 3),
            "names": ["height", "width", "channels"],
        },
        "observation.state": vector,
        "action": dict(vector),
    }
    dataset = LeRobotDataset.create("local/made", 30, features, root=root, robot_type="arm", use_videos=video)
    rng = np.random.default_rng(0)
    for episode, length in enumerate(LENGTHS):
        phase = np.linspace(0, 6, length)[:, None] + rng.uniform(0, 6, 3)
        for frame in range(length):
            dataset.add_frame(
                {
                    "observation.images.front": np.full((64, 96, 3), 40 * (episode + 1), np.uint8),
                    "observation.state": np.sin(phase[frame]).astype(np.float32),
                    "action": np.sin(phase[frame] + 0.1).astype(np.float32),
                    "task": "wave" if episode < 2 else "rest",
                }
            )
        dataset.save_episode()
    dataset.finalize()
    return root


def inspect(root: Path) -> Report:
    return inspect_folder(read_folder(root))


def findings(root: Path) -> list[str]:
    return [f"{finding.severity}: {finding.text}" for finding in inspect(root).findings]


def rewrite(root: Path, name: str, change: Callable[[dict], None]) -> None:
    """Change the columns of the dataset's only parquet file under ``name``."""
    path = next((root / name).rglob("*.parquet"))
    table = pq.read_table(path)
    columns = table.to_pydict()
    change(columns)
    types = {field.name: field.type for field in table.schema}
    pq.write_table(pa.table({key: pa.array(values, types.get(key)) for key, values in columns.items()}), path)


def edit_json(path: Path, change: Callable[[dict], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
