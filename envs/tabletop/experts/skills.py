"""The skills as small state machines over hand targets. Each sees the true state of the world."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from envs.tabletop.experts.motion import (
    CLOSED,
    FAST,
    GRIP,
    OPEN,
    RELEASE_RATE,
    SLOW,
    HandMotion,
    at_ready,
    nearest_turn,
    wrap,
)
from envs.tabletop.model import HOUSING_HALF, WALL_HEIGHT
from envs.tabletop.scene import APPROACH_ROOM, HALF_SIZE, PAN_AXIS, PUSH_DISTANCE, PUSH_VECTORS
from envs.tabletop.world import World
from vla.types import Subgoal

HOVER = 0.055
"""Height of the hand above what it is about to work on [m]."""
CARRY_HEIGHT = 0.085
"""Height of the hand while it carries something over others [m]."""
PAD_OFFSET = 0.0064
"""From the hand's frame to the face of the fixed jaw's pad, along the closing direction [m]."""
CLEARANCE = 0.006
"""Between the fixed jaw and an object before the jaws close [m]."""
AWKWARD = np.deg2rad(60.0)
"""Turn of the hand from the arm's own direction at which a grasp along another side of the object is chosen [rad]."""
FORK = (8.0, 12.0)
"""Gripper openings at the beginning and the end of a push: two fingertips, close together [0-100]."""
DONE = 22.0
"""Gripper opening on the way back from a push or a press: it tells the ready pose after from that before [0-100]."""
FORK_GAP = 0.008
"""Distance between the fingertips in the middle of a push [m]."""
PUSHED = PUSH_DISTANCE - 0.012
"""Way that an object must have come for the push not to be tried again [m]."""
BACK_OFF = 0.025
"""Distance behind a pushed object before the hand rises, lest it lifts what is wedged in the fork [m]."""
PUSH_HEIGHT = 0.020
"""Height of the hand while pushing; the half-open jaw reaches below the closed one [m]."""


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


class Pick(Skill):
    """Grasp from above, lift, and carry to the ready pose; try again when the object is not in the hand."""

    def __init__(self, world: World, motion: HandMotion, subgoal: Subgoal) -> None:
        super().__init__(world, motion, subgoal)
        self._yaw = self._grasp_yaw(bearing(world.position(subgoal.object)))

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
        if self.phase == "ready" and at_ready(world) and travelled < PUSHED:
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


SKILLS: dict[str, type[Skill]] = {"pick": Pick, "place": Place, "stack": Place, "push": Push, "press": Press}
