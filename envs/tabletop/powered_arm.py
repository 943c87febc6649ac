"""The tabletop's arm as motors drive it: joint by joint, with power on or off; implements `vla.robots`' ArmPhysics."""

from __future__ import annotations

from collections.abc import Mapping

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.tabletop.simulation import TabletopSimulation
from envs.tabletop.units import JOINT_NAMES
from envs.tabletop.world import CAMERAS


class PoweredArm:
    """Advances a simulation by physics steps.

    Args:
        simulation: with a scene.
        substeps: physics steps an update.
    """

    joint_names: tuple[str, ...] = JOINT_NAMES

    def __init__(self, simulation: TabletopSimulation, substeps: int = 2) -> None:
        self.simulation = simulation
        self._world = world = simulation.world
        self._substeps = substeps
        model = world.model
        self.hz = 1.0 / (model.opt.timestep * substeps)
        ranges = np.rad2deg([model.joint(name).range for name in JOINT_NAMES])
        self.low, self.high = ranges[:, 0], ranges[:, 1]
        self._actuators = np.array([model.actuator(name).id for name in JOINT_NAMES])
        self._gains = model.actuator_gainprm.copy(), model.actuator_biasprm.copy()

    def advance(self, goals: NDArray[np.float64], powered: NDArray[np.bool_]) -> None:
        """Simulate one update with goals (6,) [deg] for the joints that are powered (6,); the others are limp."""
        model, data = self._world.model, self._world.data
        on = np.zeros((model.nu, 1))
        on[self._actuators, 0] = powered
        model.actuator_gainprm[:], model.actuator_biasprm[:] = self._gains[0] * on, self._gains[1] * on
        limits = model.actuator_ctrlrange[self._actuators]
        data.ctrl[self._actuators] = np.clip(np.deg2rad(goals), limits[:, 0], limits[:, 1])
        for _ in range(self._substeps):
            mujoco.mj_step(model, data)
        self._world.notice_button()

    def angles(self) -> NDArray[np.float64]:
        """Return the joint angles (6,) [deg]."""
        return np.rad2deg(self._world.data.qpos[self._world.qpos_index])

    def velocities(self) -> NDArray[np.float64]:
        """Return the joint velocities (6,) [deg/s]."""
        return np.rad2deg(self._world.data.qvel[self._world.qvel_index])

    def loads(self) -> NDArray[np.float64]:
        """Return each motor's force as a fraction of its greatest (6,)."""
        greatest = self._world.model.actuator_forcerange[self._actuators, 1]
        return self._world.data.actuator_force[self._actuators] / np.where(greatest > 0, greatest, np.inf)

    def frames(self) -> Mapping[str, NDArray[np.uint8]]:
        """Render all cameras, always from the same thread."""
        return {camera: self._world.render(camera) for camera in CAMERAS}

    def close(self) -> None:
        """Free the rendering context."""
        self._world.close()
