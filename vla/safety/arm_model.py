"""The arm in MuJoCo without physics: where its parts are at given joint positions, and what would touch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

TABLE = "safety_table"
CLOSE = 3
"""Parts with fewer joints than this between them may touch."""


class ArmModel:
    """An arm on a table.

    Parts collide with the table and with parts from three joints away on; nearer ones always touch. Geoms of
    ``collision_group`` count, and the others are for the eye.

    Args:
        spec: the arm; it is changed and compiled.
        joint_names: joints in the order of commands.
        to_radians: converts joint positions (n,) from lerobot units to the model's.
        table_height: of the surface on which the arm stands [m].
        collision_group: MuJoCo's group of the geoms that collide.
    """

    def __init__(
        self,
        spec: mujoco.MjSpec,
        joint_names: Sequence[str],
        to_radians: Callable[[NDArray], NDArray],
        table_height: float = 0.0,
        collision_group: int = 3,
    ) -> None:
        for geom in spec.geoms:
            geom.contype = geom.conaffinity = int(geom.group == collision_group)
        spec.worldbody.add_geom(
            name=TABLE, type=mujoco.mjtGeom.mjGEOM_PLANE, size=[1.0, 1.0, 0.1], pos=[0.0, 0.0, table_height]
        )
        joints = {body.name: _joints_from_base(body) for body in spec.bodies}
        for (first, a), (second, b) in itertools.combinations(joints.items(), 2):
            if abs(a - b) < CLOSE:
                spec.add_exclude(bodyname1=first, bodyname2=second)
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        self._to_radians = to_radians
        self._table = self.model.geom(TABLE).id
        self._position: NDArray | None = None
        self._contacts_known = False
        self._addresses = np.array([self.model.joint(name).qposadr[0] for name in joint_names])

    def place(self, position: NDArray) -> None:
        """Put the joints at positions (n,), lerobot units, and everything else where it then is."""
        if self._position is not None and np.array_equal(position, self._position):
            return
        self._position, self._contacts_known = np.array(position), False
        self.data.qpos[self._addresses] = self._to_radians(position)
        mujoco.mj_kinematics(self.model, self.data)

    def site_position(self, site: str) -> NDArray[np.float64]:
        """Return where a site is (3,) [m]."""
        return self.data.site(site).xpos

    def depth_in_table(self) -> float:
        """Return how deep the arm is in the table [m]."""
        return self._depth(with_table=True)

    def depth_in_itself(self) -> float:
        """Return how deep parts of the arm that may not touch are in each other [m]."""
        return self._depth(with_table=False)

    def _depth(self, *, with_table: bool) -> float:
        if not self._contacts_known:
            mujoco.mj_collision(self.model, self.data)
            self._contacts_known = True
        contacts = self.data.contact
        concerned = (contacts.geom == self._table).any(axis=1) == with_table
        return float(np.max(-contacts.dist[concerned], initial=0.0))


def _joints_from_base(body: mujoco.MjsBody) -> int:
    """Return the number of joints between a body and the world."""
    return 0 if body.parent is None else len(body.joints) + _joints_from_base(body.parent)
