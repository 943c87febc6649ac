"""The Meta-World tasks as Gymnasium environments."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from envs.gym_env import SimulationEnv, register_tasks
from envs.metaworld.simulation import MetaworldSimulation
from envs.metaworld.tasks import HORIZON, TASKS


class MetaworldEnv(SimulationEnv):
    """One task; see `SimulationEnv`.

    The state is the hand's x, y, z [m] and the gripper's opening. Actions (4,) within [-1, 1] move the hand by up to
    1 cm along x, y, z, and close or open the gripper.

    Args:
        task: name of a task.
        render_mode: ``rgb_array`` renders the camera.
        **options: of :class:`MetaworldSimulation`.

    Raises:
        UnknownNameError: there is no such task.
        ConfigError: Meta-World is not installed.
    """

    def __init__(self, task: str = "reach-v3", *, render_mode: str | None = None, **options: Any) -> None:
        actions = spaces.Box(-1.0, 1.0, (4,), np.float32)
        super().__init__(MetaworldSimulation(**options), task, TASKS, actions, render_mode=render_mode)


def register() -> list[str]:
    """Register one id a task, ``vla/metaworld-<task>``, e.g. ``vla/metaworld-reach-v3``, and return the ids."""
    steps = {f"vla/metaworld-{name}": (name, HORIZON) for name in TASKS}
    return register_tasks("envs.metaworld.env:MetaworldEnv", steps)
