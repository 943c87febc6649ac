"""Push and press: work without holding anything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.tabletop.experts.motion import CLOSED, OPEN, SLOW, HandMotion, at_ready, nearest_turn
from envs.tabletop.experts.skill import HOVER, PAD_OFFSET, Skill, across, bearing
from envs.tabletop.model import HOUSING_HALF
from envs.tabletop.scene import APPROACH_ROOM, PUSH_DISTANCE, PUSH_VECTORS
from envs.tabletop.world import World
from vla.types import Subgoal

FORK = 10.0
"""Gripper opening of a push: two fingertips, close together [0-100]."""
FORK_GAP = 0.008
"""Distance between the fingertips in a push [m]."""
ARRIVED = 0.012
"""A pushed object this close to its destination is left there [m]."""
STOP_SHORT = 0.006
"""What is left of the way when the hand stops; the object slides on a little [m]."""
BACK_OFF = 0.025
"""Distance behind a pushed object before the hand rises, lest it lifts what is wedged in the fork [m]."""
PUSH_HEIGHT = 0.020
"""Height of the hand while pushing; the half-open jaw reaches below the closed one [m]."""


class Push(Skill):
    """Slide an object to where it is to be, held between two fingertips; from where it ended, again, if need be."""

    def __init__(self, world: World, motion: HandMotion, subgoal: Subgoal) -> None:
        super().__init__(world, motion, subgoal)
        self._nominal = np.array(PUSH_VECTORS[subgoal.place or ""])
        self._destination = world.start_positions[subgoal.object][:2] + PUSH_DISTANCE * self._nominal
        self._yaw = bearing(world.position(subgoal.object))
        self._aim()
        if self._arrived():
            self.phase = "back"

    def _way(self) -> NDArray[np.float64]:
        """Return the way from the object to its destination (2,) [m]."""
        return self._destination - self.world.position(self.subgoal.object)[:2]

    def _arrived(self) -> bool:
        """Whether the object is where it is to be."""
        return bool(np.hypot(*self._way()) <= ARRIVED)

    def _aim(self) -> None:
        """Set the direction (3,) of the push, and the yaw across it that is nearest to the present one."""
        way = self._way()
        straight = self._nominal if self._arrived() else way / np.hypot(*way)
        self._direction = np.array([*straight, 0.0])
        angle = float(np.arctan2(straight[1], straight[0]))
        self._yaw = nearest_turn(angle + np.pi / 2, self._yaw, np.pi)

    def _act(self) -> NDArray[np.float32]:
        world, motion = self.world, self.motion
        thing = world.position(self.subgoal.object)
        if self.phase == "ready" and at_ready(world) and not self._arrived():
            self.phase = "start"
        if self.phase in ("rise", "ready"):
            return self._retreat(OPEN)
        if self.phase not in ("push", "back"):
            self._aim()
        middle = across(self._yaw) * (PAD_OFFSET + FORK_GAP / 2)
        line = thing - middle  # the hand's position on the line through the object
        hand = world.hand_position()
        behind = float((line - hand) @ self._direction)
        offset = (line - hand)[:2] - behind * self._direction[:2]
        aside = float(np.hypot(*offset))
        start = line - self._direction * APPROACH_ROOM
        left = float(self._way() @ self._direction[:2])
        if self.phase == "back" or (self.phase == "push" and left < STOP_SHORT):
            tired = self.phase == "back" and self._lasted(0.6)
            self.phase = "back"
            if not 0.0 < behind < BACK_OFF or tired:
                return self._retreat(OPEN)
            goal = line - self._direction * (BACK_OFF + 0.005)
            return motion.toward([goal[0], goal[1], PUSH_HEIGHT], self._yaw, FORK, SLOW * 1.5)
        if self.phase == "start" and self._in_place(behind, aside):
            self.phase = "push"
        if self.phase == "push":
            if aside > 0.016 or behind < 0.0:
                self.phase = "start"
            else:
                goal = line + self._direction * left
                return motion.toward([goal[0], goal[1], PUSH_HEIGHT], self._yaw, FORK, SLOW * 1.2)
        if self.phase == "descend" and motion.above(start, 0.02):
            if hand[2] < PUSH_HEIGHT + 0.006:
                self.phase = "push"
            return motion.toward([start[0], start[1], PUSH_HEIGHT], self._yaw, FORK, SLOW * 1.5)
        if self.phase == "start" and hand[2] < HOVER - 0.015:
            return motion.toward([hand[0], hand[1], HOVER + 0.02], motion.hand_yaw(), OPEN)
        over = [start[0], start[1], HOVER]
        if not (motion.above(start, 0.012) and motion.turned(self._yaw, 0.2)):
            self.phase = "hover"
            return motion.toward(over, self._yaw, OPEN)
        self.phase = "shape"
        if motion.above(start, 0.007) and motion.turned(self._yaw, 0.12) and self._shaped(FORK):
            self.phase = "descend"
        return motion.toward(over, self._yaw, FORK)

    def _in_place(self, behind: float, aside: float) -> bool:
        """Whether the hand is where a push can go on, ``behind`` the object and ``aside`` of its line [m]."""
        low = self.world.hand_position()[2] < PUSH_HEIGHT + 0.012
        in_line = aside < 0.008 and 0.0 < behind < APPROACH_ROOM + 0.01 and self.motion.turned(self._yaw, 0.2)
        return low and in_line and self._shaped(FORK)


class Press(Skill):
    """Push the button down with the closed jaws, and open them again on the way back."""

    def _act(self) -> NDArray[np.float32]:
        world, motion = self.world, self.motion
        if world.button_pressed and (self.phase != "press" or self._lasted(0.1)):
            return self._retreat(OPEN)
        button = world.position(self.subgoal.object)
        yaw = bearing(button)
        target = button - across(yaw) * PAD_OFFSET
        hand = world.hand_position()
        top = 2 * HOUSING_HALF[2] + 0.006
        if self.phase == "press" and motion.above(target, 0.012):
            return motion.toward([target[0], target[1], top - 0.004], yaw, CLOSED, SLOW)
        if hand[2] < 0.035 and not motion.above(target, 0.012):
            return motion.toward([hand[0], hand[1], HOVER], yaw, OPEN)
        over = [target[0], target[1], HOVER]
        if not motion.above(target, 0.012):
            self.phase = "hover"
            return motion.toward(over, yaw, OPEN)
        self.phase = "shape"
        if motion.above(target, 0.005) and self._shaped(CLOSED) and hand[2] < HOVER + 0.02:
            self.phase = "press"
        return motion.toward(over, yaw, CLOSED)
