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

FORK = (8.0, 12.0)
"""Gripper openings at the beginning and the end of a push: two fingertips, close together [0-100]."""
FORK_GAP = 0.008
"""Distance between the fingertips in the middle of a push [m]."""
DONE = 22.0
"""Gripper opening on the way back from a push or a press: it tells the ready pose after from that before [0-100]."""
SHORTEST_PUSH = PUSH_DISTANCE - 0.012
"""Way that an object must have come for the push not to be tried again [m]."""
BACK_OFF = 0.025
"""Distance behind a pushed object before the hand rises, lest it lifts what is wedged in the fork [m]."""
PUSH_HEIGHT = 0.020
"""Height of the hand while pushing; the half-open jaw reaches below the closed one [m]."""


class Push(Skill):
    """Slide an object along a line, held between two fingertips.

    The jaws open with the way that the object has come: where it was at first is not to be seen any more, so this tells
    a policy that looks at one observation only how far there is to go.
    """

    def __init__(self, world: World, motion: HandMotion, subgoal: Subgoal) -> None:
        super().__init__(world, motion, subgoal)
        self._direction = np.array([*PUSH_VECTORS[subgoal.place or ""], 0.0])
        self._reference = world.start_positions[subgoal.object]
        angle = float(np.arctan2(self._direction[1], self._direction[0]))
        self._yaw = nearest_turn(angle + np.pi / 2, bearing(world.position(subgoal.object)), np.pi)

    def _act(self) -> NDArray[np.float32]:
        world, motion = self.world, self.motion
        thing = world.position(self.subgoal.object)
        travelled = float((thing - self._reference) @ self._direction)
        if self.phase == "ready" and at_ready(world) and travelled < SHORTEST_PUSH:
            self.phase = "start"
        if self.phase in ("rise", "ready"):
            return self._retreat(DONE)
        middle = across(self._yaw) * (PAD_OFFSET + FORK_GAP / 2)
        line = thing - middle  # the hand's position on the line through the object
        hand = world.hand_position()
        behind = float((line - hand) @ self._direction)
        offset = (line - hand)[:2] - behind * self._direction[:2]
        aside = float(np.hypot(*offset))
        start = line - self._direction * APPROACH_ROOM
        low = PUSH_HEIGHT
        if self.phase == "back" or travelled > PUSH_DISTANCE - 0.006:
            tired = self.phase == "back" and self._lasted(0.6)
            self.phase = "back"
            if behind > BACK_OFF or tired:
                return self._retreat(DONE)
            goal = line - self._direction * (BACK_OFF + 0.005)
            goal[2] = low
            return motion.toward(goal, self._yaw, FORK[1], SLOW * 1.5)
        if self.phase == "start" and self._in_place(behind, aside):
            self.phase = "push"
        if self.phase == "push":
            if aside > 0.016 or behind < 0.0:
                self.phase = "start"
            else:
                goal = line + self._direction * (PUSH_DISTANCE - travelled)
                goal[2] = low
                opening = float(np.interp(travelled, (0.0, PUSH_DISTANCE), FORK))
                return motion.toward(goal, self._yaw, opening, SLOW * 1.2)
        if self.phase == "descend" and motion.above(start, 0.02):
            if hand[2] < low + 0.006:
                self.phase = "push"
            return motion.toward([start[0], start[1], low], self._yaw, FORK[0], SLOW * 1.5)
        if self.phase == "start" and hand[2] < HOVER - 0.015:
            return motion.toward([hand[0], hand[1], HOVER + 0.02], motion.hand_yaw(), OPEN)
        over = [start[0], start[1], HOVER]
        if not (motion.above(start, 0.012) and motion.turned(self._yaw, 0.2)):
            self.phase = "hover"
            return motion.toward(over, self._yaw, OPEN)
        self.phase = "shape"
        if motion.above(start, 0.007) and motion.turned(self._yaw, 0.12) and self._shaped(FORK[0]):
            self.phase = "descend"
        return motion.toward(over, self._yaw, FORK[0])

    def _in_place(self, behind: float, aside: float) -> bool:
        """Whether the hand is where a push can go on, ``behind`` the object and ``aside`` of its line [m]."""
        low = self.world.hand_position()[2] < PUSH_HEIGHT + 0.012
        in_line = aside < 0.008 and 0.0 < behind < APPROACH_ROOM + 0.01 and self.motion.turned(self._yaw, 0.2)
        return low and in_line and self._shaped(sum(FORK) / 2)


class Press(Skill):
    """Push the button down with the closed jaws, and open them a little to show that it has been done."""

    def _act(self) -> NDArray[np.float32]:
        world, motion = self.world, self.motion
        if world.button_pressed and (self.phase != "press" or self._lasted(0.1)):
            return self._retreat(DONE)
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
