"""What stands on the table and how it looks, drawn from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vla.language import BUTTON, COLOURS, CONTAINERS, SHAPES, split_phrase

PAN_AXIS = np.array([0.0388, 0.0])
"""Where the arm's first joint stands on the table (x, y) [m]; reach is counted from here."""
REACH = (0.135, 0.255)
"""Radii between which things are placed [m]."""
SECTOR = np.deg2rad(54.0)
"""Half-angle of the sector in front of the arm in which things are placed [rad]."""
GAP = 0.036
"""Free space between footprints, enough for a finger on each side [m]."""

HALF_SIZE = 0.0125
"""Half the edge of a cube; also radius and half-height of a cylinder [m]."""
RADII = {"cube": 0.0177, "cylinder": 0.0125, "bowl": 0.052, "plate": 0.056, "box": 0.066, BUTTON: 0.030}
"""Kind -> radius of the circle around its footprint [m]."""

COLOUR_RGB = {
    "red": (0.85, 0.08, 0.08),
    "orange": (0.98, 0.45, 0.03),
    "yellow": (0.96, 0.86, 0.05),
    "green": (0.10, 0.62, 0.12),
    "cyan": (0.05, 0.80, 0.85),
    "blue": (0.08, 0.18, 0.85),
    "purple": (0.45, 0.10, 0.65),
    "pink": (0.97, 0.45, 0.70),
}
assert tuple(COLOUR_RGB) == COLOURS


class Described:
    """What the phrase of a thing says of it."""

    phrase: str

    @property
    def kind(self) -> str:
        """``cube``, ``bowl``, ..."""
        return split_phrase(self.phrase)[1]

    @property
    def colour(self) -> str | None:
        """Name of the colour; containers and the button have none."""
        return split_phrase(self.phrase)[0]

    @property
    def movable(self) -> bool:
        """Whether the arm can pick it up or push it."""
        return self.kind in SHAPES


@dataclass(frozen=True)
class Item(Described):
    """One thing on the table."""

    phrase: str
    """``red cube``, ``bowl``, ``button``: unique in a scene."""
    x: float
    y: float
    yaw: float
    """[m], [m], [rad]"""


@dataclass(frozen=True)
class Appearance:
    """Everything that changes the picture and nothing else."""

    table_rgb: tuple[float, float, float] = (0.55, 0.48, 0.40)
    table_rgb2: tuple[float, float, float] = (0.50, 0.43, 0.35)
    table_texture: str = "flat"
    """``flat``, ``checker`` or ``gradient``."""
    light_position: tuple[float, float, float] = (0.3, 0.0, 1.2)
    light_diffuse: float = 0.6
    ambient: float = 0.35
    camera_shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Added to the front camera's position [m]."""
    camera_tilt: tuple[float, float] = (0.0, 0.0)
    """Added to where the front camera looks (x, y on the table) [m]."""


@dataclass(frozen=True)
class Scene:
    """A table set for one episode."""

    items: tuple[Item, ...]
    appearance: Appearance = field(default_factory=Appearance)

    @property
    def phrases(self) -> tuple[str, ...]:
        """What an instruction calls the items, in their order."""
        return tuple(item.phrase for item in self.items)

    def item(self, phrase: str) -> Item:
        """Return the item of that phrase."""
        return next(item for item in self.items if item.phrase == phrase)


@dataclass(frozen=True)
class Placement:
    """A demand on where one item stands."""

    phrase: str
    push: str | None = None
    """Direction in which it must be free to be pushed."""


class CrowdedError(Exception):
    """The items drawn so far leave no room for the next one; draw again."""


PUSH_VECTORS = {"left": (0.0, -1.0), "right": (0.0, 1.0), "front": (1.0, 0.0), "back": (-1.0, 0.0)}
"""Direction in the front camera's picture -> direction on the table (x, y). The camera faces the arm."""
PUSH_DISTANCE = 0.06
"""How far a push is meant to go [m]."""
APPROACH_ROOM = 0.045
"""Free space a push needs behind the object for the hand [m]."""


def draw_scene(rng: np.random.Generator, placements: Sequence[Placement]) -> Scene:
    """Place the demanded items and the button at random, without overlap, and draw the appearance.

    Raises:
        CrowdedError: no arrangement was found in 200 tries.
    """
    for _ in range(200):
        try:
            return Scene(_arrange(rng, placements), draw_appearance(rng))
        except CrowdedError:
            continue
    raise CrowdedError(f"no room for {[placement.phrase for placement in placements]}")


def draw_phrases(
    rng: np.random.Generator, required: Sequence[str], count: int, *, exclude: Sequence[str] = ()
) -> list[str]:
    """Add distractors to ``required`` up to ``count`` movables and containers; the button comes on top.

    At most two containers and four movables share a table, so that hands and eyes have room.
    """
    phrases = [phrase for phrase in required if phrase != BUTTON]
    while len(phrases) < count:
        containers = [phrase for phrase in phrases if phrase in CONTAINERS]
        movables = len(phrases) - len(containers)
        if len(containers) >= 2 and movables >= 4:
            break
        if movables >= 4 or (len(containers) < 2 and rng.random() < 0.3):
            phrase = str(rng.choice(CONTAINERS))
        else:
            phrase = f"{rng.choice(COLOURS)} {rng.choice(SHAPES)}"
        if phrase not in phrases and phrase not in exclude:
            phrases.append(phrase)
    return [*phrases, BUTTON]


def draw_appearance(rng: np.random.Generator) -> Appearance:
    """Draw table, light and camera noise."""
    value = rng.uniform(0.32, 0.72)
    warmth = rng.uniform(0.0, 0.16)
    table = np.array([value + warmth / 2, value, value - warmth])
    second = np.clip(table * rng.uniform(0.75, 1.2), 0, 0.85)
    return Appearance(
        table_rgb=tuple(table),
        table_rgb2=tuple(second),
        table_texture=str(rng.choice(["flat", "checker", "gradient"])),
        light_position=(rng.uniform(0.0, 0.6), rng.uniform(-0.5, 0.5), rng.uniform(0.8, 1.6)),
        light_diffuse=rng.uniform(0.4, 0.75),
        ambient=rng.uniform(0.28, 0.45),
        camera_shift=tuple(rng.uniform(-0.008, 0.008, 3)),
        camera_tilt=tuple(rng.uniform(-0.006, 0.006, 2)),
    )


def _arrange(rng: np.random.Generator, placements: Sequence[Placement]) -> tuple[Item, ...]:
    by_size = sorted(placements, key=lambda placement: -RADII[split_phrase(placement.phrase)[1]])
    placed: list[Item] = []
    keep_free: list[tuple[np.ndarray, float]] = []  # (centre, radius) of the room a push needs
    for placement in by_size:
        radius = RADII[split_phrase(placement.phrase)[1]]
        for _ in range(60):
            position = _draw_position(rng, radius)
            room = _push_room(position, placement.push)
            if room is None:
                continue
            circles = [(position, radius), *room]
            others = [(np.array([item.x, item.y]), RADII[item.kind]) for item in placed]
            if _free(circles[:1], others + keep_free) and _free(room, others, gap=0.0):
                keep_free += room
                yaw = rng.uniform(-np.pi, np.pi)
                placed.append(Item(placement.phrase, float(position[0]), float(position[1]), float(yaw)))
                break
        else:
            raise CrowdedError(placement.phrase)
    order = rng.permutation(len(placed))
    return tuple(placed[i] for i in order)


def _draw_position(rng: np.random.Generator, radius: float) -> np.ndarray:
    """Draw uniformly over the reachable sector; big things keep further from the arm's base."""
    near = max(REACH[0], 0.10 + radius)
    distance = np.sqrt(rng.uniform(near**2, REACH[1] ** 2))
    angle = rng.uniform(-SECTOR, SECTOR)
    return PAN_AXIS + distance * np.array([np.cos(angle), np.sin(angle)])


def _push_room(position: np.ndarray, push: str | None) -> list[tuple[np.ndarray, float]] | None:
    """Return circles that a push keeps free, or None if the hand could not reach its start or its end."""
    if push is None:
        return []
    direction = np.array(PUSH_VECTORS[push])
    start, end = position - APPROACH_ROOM * direction, position + (PUSH_DISTANCE + HALF_SIZE) * direction
    if not (within_reach(start) and within_reach(end - 0.02 * direction)):
        return None
    return [(start, 0.025), (position + PUSH_DISTANCE / 2 * direction, 0.022), (end, 0.022)]


def within_reach(position: np.ndarray) -> bool:
    """Whether the hand can work at a place on the table (x, y) [m]."""
    offset = position - PAN_AXIS
    distance, angle = np.hypot(*offset), np.arctan2(offset[1], offset[0])
    return bool(REACH[0] - 0.02 <= distance <= REACH[1] + 0.02 and abs(angle) <= np.deg2rad(75))


def _free(
    circles: Sequence[tuple[np.ndarray, float]], others: Sequence[tuple[np.ndarray, float]], gap: float = GAP
) -> bool:
    return all(np.hypot(*(a - b)) > ra + rb + gap for a, ra in circles for b, rb in others)


def moved(scene: Scene, phrase: str, **changes: float) -> Scene:
    """Return the scene with one item's pose changed."""
    return replace(scene, items=tuple(replace(i, **changes) if i.phrase == phrase else i for i in scene.items))
