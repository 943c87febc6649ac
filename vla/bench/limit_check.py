"""Whether commands keep the limits of ``configs/safety``, judged without the safety filter's code.

Velocity, acceleration and jerk are differences of what was sent. Where the arm is at a command follows from a MuJoCo
model that is compiled here; which parts touch whom is sorted out after MuJoCo has found the contacts, not before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from vla.types import ArmDescription

Array = NDArray[np.float64]

COLLISION_GROUP, CLOSE = 3, 3
"""MuJoCo's group of geoms that collide, and the number of joints from which on parts may not touch."""
TOLERANCES = {
    "joint range": 2e-5,
    "velocity": 0.001,
    "acceleration": 0.05,
    "jerk": 2.0,
    "workspace": 1e-3,
    "table": 1e-3,
    "self-collision": 1e-3,
}
"""How far beyond a limit a command may be: [units] with their time derivatives, and [m].

Commands are float32, whose last place is 1.5e-5 units from 128 units on: up to 2, 4 and 8 halves of that, times 30, 30²
and 30³, in the derivatives. In space, the filter itself allows 0.1 mm, and looks at configurations of a stop that are
up to 3 units apart.
"""
GEOMETRIC = ("workspace", "table", "self-collision")


class LimitCheck:
    """Measures by how much commands are beyond each limit.

    Args:
        arm: what moves.
        options: of the config group ``safety``, all limits on.
        period: time between commands [s].
    """

    def __init__(self, arm: ArmDescription, options: Mapping[str, Any], period: float) -> None:
        self._arm, self._options, self._period = arm, options, period
        spec = arm.make_spec()
        table = spec.worldbody.add_geom(
            name="checked_table",
            type=mujoco.mjtGeom.mjGEOM_PLANE,
            size=[2, 2, 1],
            pos=[0, 0, options["table"]["height"]],
        )
        table.group = COLLISION_GROUP
        self._model = spec.compile()
        self._model.geom_contype[:] = self._model.geom_conaffinity[:] = self._model.geom_group == COLLISION_GROUP
        self._data = mujoco.MjData(self._model)
        self._table = self._model.geom("checked_table").id
        self._addresses = [self._model.joint(name).qposadr[0] for name in arm.joint_names]
        joints = np.zeros(self._model.nbody, int)
        for body in range(1, self._model.nbody):
            joints[body] = joints[self._model.body_parentid[body]] + self._model.body_jntnum[body]
        self._depth_of_geom = joints[self._model.geom_bodyid]

    def excesses(self, start: Array, commands: NDArray[np.float32]) -> dict[str, Array]:
        """Return by how much each command is beyond each limit, 0 or less where it keeps it.

        A joint that begins out of its range may stay there, and an arm that begins in the table may be as deep in it.

        Args:
            start: where the arm stood still before (n,), lerobot units.
            commands: what was sent, in order (T, n).
        """
        path = np.concatenate([start[None].astype(np.float32), commands]).astype(np.float64)
        low, high = np.minimum(self._arm.low, path[0]), np.maximum(self._arm.high, path[0])
        beyond = {"joint range": np.maximum(low - path[1:], path[1:] - high).max(axis=1)}
        rate = np.concatenate([np.repeat(path[:1], 2, axis=0), path])
        for name in ("velocity", "acceleration", "jerk"):
            rate = np.diff(rate, axis=0) / self._period
            beyond[name] = np.abs(rate[len(rate) - len(commands) :]).max(axis=1) - self._options[name]
        places, index = np.unique(path, axis=0, return_inverse=True)
        outside = np.array([self._outside(place) for place in places])[index.ravel()]  # (T + 1, 3)
        for name, values in zip(GEOMETRIC, outside.T, strict=True):
            beyond[name] = values[1:] - max(0.0, values[0])
        return beyond

    def _outside(self, position: Array) -> tuple[float, float, float]:
        """Return how far out of the box the hand is, and how deep the arm is in the table and in itself [m]."""
        data, options = self._data, self._options
        data.qpos[self._addresses] = self._arm.to_radians(position)
        mujoco.mj_kinematics(self._model, data)
        mujoco.mj_collision(self._model, data)
        hand = data.site(self._arm.hand_site).xpos
        box = options["workspace"]
        out = max(float(np.max(np.array(box["low"]) - hand)), float(np.max(hand - np.array(box["high"]))))
        pairs, distances = data.contact.geom, data.contact.dist
        on_table = (pairs == self._table).any(axis=1)
        joints = self._depth_of_geom[pairs]
        apart = ~on_table & (np.abs(joints[:, 0] - joints[:, 1]) >= CLOSE)
        in_table = -float(distances[on_table & (joints.max(axis=1) >= CLOSE)].min(initial=0.0))
        in_itself = -float(distances[apart].min(initial=0.0))
        return out, in_table - options["table"]["tolerance"], in_itself - options["self_collision"]
