"""Names and shapes of the dataset columns that every suite and robot shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vla.types import GOAL_DIM

IMAGES = "observation.images"
STATE = "observation.state"
GOAL = "observation.goal"
ACTION = "action"
TASK = "task"
SUBGOAL_INDEX = "subgoal_index"
INSTRUCTION = "instruction"
"""Column of ``meta/episodes`` that our recordings have; the tasks are then the planner's subgoals."""
ENVIRONMENT_STATE = "observation.environment_state"
TASK_EMBEDDING = "task_embedding"
"""Registered name of the preprocessing step that makes an environment's state of the sentence."""

IMAGE_AXES = ["height", "width", "channels"]
GOAL_NAMES = ["present", "x0", "y0", "x1", "y1"]


def image_key(camera: str) -> str:
    """Dataset column of a camera."""
    return f"{IMAGES}.{camera}"


def camera_name(column: str) -> str:
    """Camera of a dataset column; the column itself if it is no camera's."""
    return column.removeprefix(f"{IMAGES}.")


def dataset_features(
    joint_names: Sequence[str], camera_names: Sequence[str], image_size: tuple[int, int], *, video: bool = True
) -> dict[str, dict[str, Any]]:
    """Return the feature table that ``LeRobotDataset.create`` takes.

    Args:
        joint_names: one name a joint, gripper last.
        camera_names: cameras to store.
        image_size: (height, width) [px].
        video: store frames as video (small) instead of single images (fast random access).
    """
    joints = [f"{name}.pos" for name in joint_names]
    vector = {"dtype": "float32", "shape": (len(joints),), "names": joints}
    images = {
        image_key(camera): {
            "dtype": "video" if video else "image",
            "shape": (*image_size, 3),
            "names": list(IMAGE_AXES),
        }
        for camera in camera_names
    }
    return {
        **images,
        STATE: vector,
        GOAL: {"dtype": "float32", "shape": (GOAL_DIM,), "names": GOAL_NAMES},
        ACTION: dict(vector),
        SUBGOAL_INDEX: {"dtype": "int64", "shape": (1,), "names": None},
    }
