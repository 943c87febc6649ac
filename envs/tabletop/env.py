"""The tabletop tasks as Gymnasium environments."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from gymnasium import spaces

from envs.gym_env import SimulationEnv, register_tasks
from envs.tabletop.simulation import TabletopSimulation
from envs.tabletop.tasks import TASKS, VERSION

ACTION_LOW = np.array([-110.0, -100.0, -97.0, -95.0, -157.0, 0.0], np.float32)
ACTION_HIGH = np.array([110.0, 100.0, 97.0, 95.0, 163.0, 100.0], np.float32)
"""Joint ranges of the SO-101: degrees, gripper 0-100."""


class TabletopEnv(SimulationEnv):
    """One task of the tabletop suite; see `SimulationEnv`.

    The state and actions, which are target positions, are joints (6,) in lerobot units (degrees, gripper 0-100).

    Args:
        task: name of a task.
        render_mode: ``rgb_array`` renders the front camera.
        wording: wordings that instructions are drawn from.
        **options: of :class:`TabletopSimulation`: ``control_hz``, ``image_size``, ``level``, ``shadows``.

    Raises:
        UnknownNameError: there is no such task.
        ControlRateError: the physics step does not divide the control period.
    """

    def __init__(
        self,
        task: str = "pick",
        *,
        render_mode: str | None = None,
        wording: Literal["train", "test"] = "train",
        **options: Any,
    ) -> None:
        actions = spaces.Box(ACTION_LOW, ACTION_HIGH, dtype=np.float32)
        simulation = TabletopSimulation(**options)
        super().__init__(simulation, task, TASKS, actions, wording=wording, render_mode=render_mode)


def register() -> list[str]:
    """Register one id a task, ``vla/tabletop-<task>-v<version>``, and return the ids."""
    steps = {
        f"vla/tabletop-{name}-v{VERSION}": (name, round(task.info.max_seconds * 30)) for name, task in TASKS.items()
    }
    return register_tasks("envs.tabletop.env:TabletopEnv", steps)
