"""Pick and place, which stacks as well."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.tabletop.experts.motion import FAST, GRIP, OPEN, RELEASE_RATE, SLOW, HandMotion, nearest_turn, wrap
from envs.tabletop.experts.skill import CARRY_HEIGHT, HOVER, PAD_OFFSET, Skill, across, bearing
from envs.tabletop.model import WALL_HEIGHT
from envs.tabletop.scene import HALF_SIZE
from envs.tabletop.world import World
from vla.types import Subgoal

CLEARANCE = 0.006
"""Between the fixed jaw and an object before the jaws close [m]."""
HOLDING = 18.0
"""Widest gripper opening at which it may hold something; contacts alone flicker [0-100]."""
AWKWARD = np.deg2rad(60.0)
"""Turn of the hand from the arm's own direction at which a grasp along another side of the object is chosen [rad]."""


class Pick(Skill):
    """Grasp from above, lift, and carry to the ready pose; try again when the object is not in the hand."""

    def __init__(self, world: World, motion: HandMotion, subgoal: Subgoal) -> None:
        super().__init__(world, motion, subgoal)
        self._yaw = self._grasp_yaw(bearing(world.position(subgoal.object)))
        if world.holds(subgoal.object):
            self.phase = "lift"

    def _grasp_yaw(self, preferred: float) -> float:
        item = self.world.scene.item(self.subgoal.object)
        if item.kind == "cylinder":
            return preferred
        side = self.world.rotation(self.subgoal.object)[:, 0]
        return nearest_turn(float(np.arctan2(side[1], side[0])), preferred, np.pi / 2)

    def _act(self) -> NDArray[np.float32]:
        world, motion, name = self.world, self.motion, self.subgoal.object
        thing = world.position(name).copy()
        hand = world.hand_position()
        if self.phase in ("lift", "ready"):
            if not self._lost():
                if self.phase == "lift" and hand[2] < CARRY_HEIGHT - 0.012:
                    return motion.toward([hand[0], hand[1], CARRY_HEIGHT], motion.hand_yaw(), GRIP)
                self.phase = "ready"
                return motion.toward_ready(GRIP)
            self.phase = "start"
        straight = bearing(thing)
        turned_away = abs(wrap(self._yaw - straight)) > AWKWARD
        yaw = self._yaw = self._grasp_yaw(straight if turned_away else self._yaw)
        grasp = thing - across(yaw) * (HALF_SIZE + CLEARANCE + PAD_OFFSET)
        grasp[2] = max(thing[2], 0.0115)
        over = grasp + [0, 0, HOVER]
        if self.phase == "close":
            if self._lasted(0.3):
                self.phase = "lift" if world.holds(name) else "start"
            if motion.above(grasp, 0.03):
                return motion.toward(grasp + across(yaw) * CLEARANCE, yaw, GRIP, SLOW)
        if self.phase in ("start", "rise") and hand[2] < 0.04 and not motion.above(grasp, 0.008):
            self.phase = "rise"
            return motion.toward([hand[0], hand[1], CARRY_HEIGHT], motion.hand_yaw(), OPEN)
        lined_up = motion.above(grasp, 0.006) and motion.turned(yaw, 0.12)
        if self.phase != "descend" and not lined_up:
            self.phase = "hover"
            return motion.toward(over, yaw, OPEN)
        if not motion.above(grasp, 0.016):
            self.phase = "start"
            return motion.toward(over, yaw, OPEN)
        self.phase = "descend"
        if hand[2] < grasp[2] + 0.004:
            self.phase = "close"
        speed = SLOW if hand[2] < grasp[2] + 0.02 else FAST * 0.8
        return motion.toward(grasp, yaw, OPEN, speed)


class Place(Skill):
    """Carry what the hand holds over a container or another object, lower it, let go, and go to the ready pose."""

    def __init__(self, world: World, motion: HandMotion, subgoal: Subgoal) -> None:
        super().__init__(world, motion, subgoal)
        assert subgoal.place is not None
        self._place = subgoal.place
        self._spot = self._free_spot()
        self._yaw = motion.hand_yaw() + bearing(self._spot) - bearing(world.hand_position())
        self._yaw = nearest_turn(self._yaw, bearing(self._spot), 2 * np.pi)
        if not world.holds(subgoal.object) and world.joint_positions()[5] > HOLDING:
            self.phase = "rise"

    def _free_spot(self) -> NDArray[np.float64]:
        """Return where the object is to go (3,): the middle, or beside what is there already."""
        world = self.world
        centre = world.position(self._place).copy()
        centre[2] = world.supported_height(self._place)
        if world.scene.item(self._place).movable:
            return centre
        others = [
            world.position(item.phrase)
            for item in world.scene.items
            if item.movable and item.phrase != self.subgoal.object and world.inside(item.phrase, self._place)
        ]
        # Beside means across the jaws' closing direction, where opening them does not sweep.
        beside = 0.030 * across(bearing(centre) + np.pi / 2)
        return max(
            (centre, centre + beside, centre - beside),
            key=lambda spot: min((float(np.hypot(*(spot - other)[:2])) for other in others), default=1.0),
        )

    def _act(self) -> NDArray[np.float32]:
        world, motion, name = self.world, self.motion, self.subgoal.object
        if self.phase in ("rise", "ready"):
            return self._retreat(OPEN)
        if self.phase == "release":
            if self._lasted(0.3) and not world.holds(name):
                return self._retreat(OPEN)
            return motion.toward(self._low, self._yaw, OPEN, SLOW, RELEASE_RATE)
        if self._lost():
            return self._retreat(OPEN)
        hand = world.hand_position()
        in_hand = world.position(name) - hand
        stacking = world.scene.item(self._place).movable
        if stacking:
            self._spot = world.position(self._place) + [0, 0, HALF_SIZE]
        target = self._spot - in_hand
        flat = stacking or self._place == "plate"
        bottom = self._spot[2] + 0.003 if flat else WALL_HEIGHT[self._place] + 0.008
        target[2] = bottom + HALF_SIZE - in_hand[2]
        high = target.copy()
        high[2] = max(CARRY_HEIGHT, target[2] + 0.03)
        if self.phase in ("start", "raise"):
            self.phase = "raise"
            if hand[2] < CARRY_HEIGHT - 0.02 and not motion.above(target, 0.02):
                return motion.toward([hand[0], hand[1], CARRY_HEIGHT], motion.hand_yaw(), GRIP)
            self.phase = "carry"
        tolerance = 0.004 if stacking else 0.010
        if self.phase == "carry" and not (motion.above(target, tolerance) and motion.turned(self._yaw, 0.2)):
            return motion.toward(high, self._yaw, GRIP)
        if not motion.above(target, 3 * tolerance):
            self.phase = "carry"
            return motion.toward(high, self._yaw, GRIP)
        self.phase = "lower"
        if hand[2] < target[2] + 0.004:
            self.phase = "release"
            self._low = target
        return motion.toward(target, self._yaw, GRIP, SLOW)
