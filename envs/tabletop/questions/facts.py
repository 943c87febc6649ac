"""What is true on the table at one moment, as far as questions are about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.tabletop.experts.motion import at_ready
from envs.tabletop.questions.visibility import visible_fractions
from envs.tabletop.scene import HALF_SIZE, Described
from envs.tabletop.world import World
from vla.language import BUTTON, CONTAINERS
from vla.types import Box

TABLE, GRIPPER, UNCLEAR = "table", "gripper", "unclear"
"""Where an object can be besides in a container or on another object; unclear while it is touched, or falls."""
LIT = "lit"
"""State of a button that has been pressed."""
SEEN = 0.4
"""Visible part from which an object can be asked about."""
HIDDEN = 0.2
"""Visible part below which nobody can tell what becomes of an object."""


@dataclass(frozen=True)
class Thing(Described):
    """An item of the scene as it is now."""

    phrase: str
    position: NDArray[np.float64]
    """(3,) [m]"""
    box: Box | None
    """In the front camera, hidden parts included; None out of the frame."""
    visible: float
    """Part of it that the front camera sees [0-1]."""
    place: str
    """`TABLE`, `GRIPPER`, `UNCLEAR`, or the phrase of what it is in or on."""

    @property
    def seen(self) -> bool:
        """Whether enough of it is visible to ask about it."""
        return self.box is not None and self.visible >= SEEN

    @property
    def hidden(self) -> bool:
        """Whether so little is visible that the picture does not tell where it is."""
        return (self.box is None or self.visible < HIDDEN) and self.place != GRIPPER


@dataclass(frozen=True)
class Facts:
    """The state of a table."""

    things: tuple[Thing, ...]
    """From left to right in the front camera."""
    opening: float
    """Measured opening of the gripper [0-100]."""
    ready: bool
    """Whether the arm is at the ready pose."""
    lit: bool
    """Whether the button has been pressed."""

    @property
    def phrases(self) -> tuple[str, ...]:
        """Phrases of all things."""
        return tuple(thing.phrase for thing in self.things)

    @property
    def movables(self) -> tuple[Thing, ...]:
        """Cubes and cylinders."""
        return tuple(thing for thing in self.things if thing.movable)

    @property
    def containers(self) -> tuple[Thing, ...]:
        """Bowl, plate and box."""
        return tuple(thing for thing in self.things if thing.kind in CONTAINERS)

    @property
    def held(self) -> Thing | None:
        """What is in the gripper."""
        return next((thing for thing in self.things if thing.place == GRIPPER), None)

    @property
    def settled(self) -> bool:
        """Whether it is clear of everything where it is."""
        return all(thing.place != UNCLEAR for thing in self.things)

    def thing(self, phrase: str) -> Thing:
        """Return the thing of that phrase."""
        return next(thing for thing in self.things if thing.phrase == phrase)

    def state(self, thing: Thing) -> str:
        """Return what `Region.state` is to say of a thing."""
        if thing.kind == BUTTON and self.lit:
            return LIT
        return "" if thing.place == UNCLEAR else thing.place

    def at(self, place: str) -> tuple[Thing, ...]:
        """Return what is in or on a place."""
        return tuple(thing for thing in self.things if thing.place == place)

    def hides(self, *phrases: str | None) -> bool:
        """Whether one of the named things that are there cannot be seen."""
        return any(thing.hidden for thing in self.things if thing.phrase in phrases)


def look(world: World) -> Facts:
    """Read a world's state."""
    visible = visible_fractions(world)
    things = [
        Thing(phrase, world.position(phrase).copy(), world.box(phrase), visible[phrase], _place(world, phrase))
        for phrase in world.scene.phrases
    ]
    things.sort(key=lambda thing: thing.box.center[0] if thing.box else 1.0)
    return Facts(tuple(things), float(world.joint_positions()[-1]), at_ready(world), world.button_pressed)


def _place(world: World, phrase: str) -> str:
    if not world.scene.item(phrase).movable:
        return TABLE
    if world.holds(phrase):
        return GRIPPER
    if world.touches(phrase) or world.speed(phrase) > 0.05:
        return UNCLEAR
    for other in world.scene.items:
        if other.movable and other.phrase != phrase and world.stacked(phrase, other.phrase):
            return other.phrase
    for other in world.scene.items:
        if other.kind in CONTAINERS and world.inside(phrase, other.phrase):
            return other.phrase
    return TABLE if world.position(phrase)[2] < 1.5 * HALF_SIZE else UNCLEAR
