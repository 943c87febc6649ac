"""The hand goes astray before a skill begins, so that demonstrations show the way on from everywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.tabletop.experts.motion import CLOSED, OPEN, HandMotion
from envs.tabletop.experts.skill import CARRY_HEIGHT, bearing
from envs.tabletop.scene import PAN_AXIS, REACH, SECTOR
from envs.tabletop.world import World
from vla.types import Subgoal

STRAY_RATE = 0.4
"""How often a subgoal begins with the hand going astray, at perturbation strength 1."""
SECONDS = (0.3, 1.5)
"""How long it does [s]."""
HEIGHTS = (0.02, 0.13)
"""Heights it goes to; with something in it, not below ``CARRY_HEIGHT`` [m]."""
SPREAD = 0.035
"""Standard deviation of where it goes around what the subgoal is about, every other time; else anywhere [m]."""
TURN = np.deg2rad(60.0)
"""Largest turn from the arm's own direction [rad]."""


class Stray:
    """Carries the hand to a random pose.

    Args:
        world: the simulated world.
        motion: carries the hand.
        subgoal: what is to be done afterwards.
        rng: source of pose and duration.
    """

    def __init__(self, world: World, motion: HandMotion, subgoal: Subgoal, rng: np.random.Generator) -> None:
        self._motion = motion
        self._ticks = round(rng.uniform(*SECONDS) * world.control_hz)
        carries = subgoal.skill in ("place", "stack")
        about = (subgoal.place if carries else subgoal.object) or ""
        if rng.random() < 0.5:
            place = world.position(about)[:2] + rng.normal(0, SPREAD, 2)
        else:
            distance, angle = rng.uniform(*REACH), rng.uniform(-SECTOR, SECTOR)
            place = PAN_AXIS + distance * np.array([np.cos(angle), np.sin(angle)])
        low, high = HEIGHTS
        self._target = np.array([*place, rng.uniform(CARRY_HEIGHT if carries else low, high)])
        self._yaw = bearing(self._target) + rng.uniform(-TURN, TURN)
        self._gripper = float(world.command[5]) if carries else rng.uniform(CLOSED, 1.2 * OPEN)

    def act(self) -> NDArray[np.float32] | None:
        """Return the command (6,) for this tick, or None when it is over."""
        if self._ticks == 0:
            return None
        self._ticks -= 1
        return self._motion.toward(self._target, self._yaw, self._gripper)
