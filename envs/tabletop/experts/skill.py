"""What all skills share: a small state machine over hand targets that sees the true state of the world."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from envs.tabletop.experts.motion import HandMotion
from envs.tabletop.scene import PAN_AXIS
from envs.tabletop.world import World
from vla.types import Subgoal

HOVER = 0.055
"""Height of the hand above what it is about to work on [m]."""
CARRY_HEIGHT = 0.085
"""Height of the hand while it carries something over others [m]."""
PAD_OFFSET = 0.0064
"""From the hand's frame to the face of the fixed jaw's pad, along the closing direction [m]."""


class Skill(ABC):
    """One skill on one object, as the command for the next tick.

    Args:
        world: the simulated world.
        motion: carries the hand.
        subgoal: what to do.
    """

    def __init__(self, world: World, motion: HandMotion, subgoal: Subgoal) -> None:
        self.world, self.motion, self.subgoal = world, motion, subgoal
        self.phase = "start"
        self._ticks_in_phase = 0
        self._loose_ticks = 0

    def act(self) -> NDArray[np.float32]:
        """Return the command (6,) for this tick."""
        before = self.phase
        self._loose_ticks = 0 if self._object_held() else self._loose_ticks + 1
        command = self._act()
        self._ticks_in_phase = self._ticks_in_phase + 1 if self.phase == before else 0
        return command

    @abstractmethod
    def _act(self) -> NDArray[np.float32]: ...

    def _object_held(self) -> bool:
        name = self.subgoal.object
        return self.world.scene.item(name).movable and self.world.holds(name)

    def _lost(self) -> bool:
        """Whether the object has been out of the hand for longer than contacts flicker."""
        return self._loose_ticks > 0.2 * self.world.control_hz

    def _shaped(self, gripper: float) -> bool:
        """Whether the gripper has reached an opening."""
        return abs(float(self.world.joint_positions()[5]) - gripper) < 4.0

    def _lasted(self, seconds: float) -> bool:
        return self._ticks_in_phase >= seconds * self.world.control_hz

    def _retreat(self, gripper: float) -> NDArray[np.float32]:
        """Rise straight up until clear of everything, then go to the ready pose."""
        hand = self.world.hand_position()
        if self.phase != "ready" and hand[2] < CARRY_HEIGHT - 0.012:
            self.phase = "rise"
            goal = np.array([hand[0], hand[1], CARRY_HEIGHT])
            return self.motion.toward(goal, self.motion.hand_yaw(), gripper)
        self.phase = "ready"
        return self.motion.toward_ready(gripper)


def bearing(position: NDArray) -> float:
    """Return the direction from the arm's base to a place on the table [rad]."""
    return float(np.arctan2(position[1] - PAN_AXIS[1], position[0] - PAN_AXIS[0]))


def across(yaw: float) -> NDArray[np.float64]:
    """Return the unit vector (3,) from the fixed to the moving jaw for a hand that points down."""
    return np.array([np.cos(yaw), np.sin(yaw), 0.0])
