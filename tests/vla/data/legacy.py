"""A dataset folder of LeRobot v2.1, written file by file as lerobot 0.3 laid it out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vla.data.video import encode_video, encoder_config

FPS, SIZE = 10, (48, 64)
LENGTHS = (12, 15, 9)
TASKS = ("open the drawer", "close the drawer")
CAMERA = "observation.images.laptop"


def frame_value(episode: int, frame: int) -> int:
    """Grey level of a frame."""
    return 40 + 60 * episode + 3 * frame


def write_legacy(root: Path, *, video: bool = True) -> Path:
    """Write three episodes of two motors, with one camera."""
    episodes, stats, first = [], [], 0
    for episode, length in enumerate(LENGTHS):
        frames = np.stack([np.full((*SIZE, 3), frame_value(episode, frame), np.uint8) for frame in range(length)])
        state = np.sin(np.arange(length)[:, None] / 4 + [0, 1]).astype(np.float32)
        columns: dict[str, Any] = {
            "observation.state": pa.array(state.tolist(), pa.list_(pa.float32())),
            "action": pa.array((state + 0.1).tolist(), pa.list_(pa.float32())),
            "timestamp": pa.array((np.arange(length) / FPS).astype(np.float32)),
            "frame_index": pa.array(np.arange(length)),
            "episode_index": pa.array(np.full(length, episode)),
            "index": pa.array(np.arange(first, first + length)),
            "task_index": pa.array(np.full(length, episode % 2)),
        }
        if video:
            path = root / f"videos/chunk-000/{CAMERA}/episode_{episode:06d}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_video(frames, FPS, encoder_config()))
        else:
            encoded = [cv2.imencode(".png", frame)[1].tobytes() for frame in frames]
            columns[CAMERA] = pa.array([{"bytes": data, "path": None} for data in encoded])
        data = root / f"data/chunk-000/episode_{episode:06d}.parquet"
        data.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), data)
        episodes.append({"episode_index": episode, "tasks": [TASKS[episode % 2]], "length": length})
        numbers: dict[str, np.ndarray] = {
            name: np.array(columns[name].to_pylist(), np.float64).reshape(length, -1)
            for name in columns
            if name != CAMERA
        }
        numbers[CAMERA] = frames.transpose(0, 3, 1, 2) / 255
        stats.append(
            {"episode_index": episode, "stats": {name: _statistics(values) for name, values in numbers.items()}}
        )
        first += length
    meta = root / "meta"
    meta.mkdir()
    (meta / "info.json").write_text(json.dumps(_info(first, video=video)))
    for name, rows in {
        "tasks": [{"task_index": index, "task": task} for index, task in enumerate(TASKS)],
        "episodes": episodes,
        "episodes_stats": stats,
    }.items():
        (meta / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return root


def _statistics(values: np.ndarray) -> dict[str, list]:
    axes, keep = ((0, 2, 3), True) if values.ndim == 4 else (0, False)
    found = {name: getattr(values, name)(axis=axes, keepdims=keep) for name in ("min", "max", "mean", "std")}
    return {name: (value[0] if keep else value).tolist() for name, value in found.items()} | {"count": [len(values)]}


def _info(frames: int, *, video: bool) -> dict[str, Any]:
    motors = {"dtype": "float32", "shape": [2], "names": {"motors": ["lift", "grip"]}}
    scalars = {"timestamp": "float32", "frame_index": "int64", "episode_index": "int64", "index": "int64"}
    scalars |= {"task_index": "int64"}
    camera: dict[str, Any] = {"dtype": "video" if video else "image", "shape": [*SIZE, 3]}
    camera["names"] = ["height", "width", "channel"]
    camera |= {"video_info": {"video.fps": float(FPS), "video.codec": "h264", "has_audio": False}} if video else {}
    return {
        "codebase_version": "v2.1",
        "robot_type": "drawer_robot",
        "total_episodes": len(LENGTHS),
        "total_frames": frames,
        "total_tasks": len(TASKS),
        "total_videos": len(LENGTHS) if video else 0,
        "total_chunks": 1,
        "chunks_size": 1000,
        "fps": FPS,
        "splits": {"train": f"0:{len(LENGTHS)}"},
        "data_path": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        "video_path": "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4" if video else None,
        "features": {
            "observation.state": motors,
            "action": dict(motors),
            CAMERA: camera,
            **{name: {"dtype": dtype, "shape": [1], "names": None} for name, dtype in scalars.items()},
        },
    }
