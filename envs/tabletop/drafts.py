"""What the tabletop tasks ask for, drawn before anything is placed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from envs.tabletop.scene import PUSH_VECTORS, Scene
from vla.language import BUTTON, COLOURS, CONTAINERS, DIRECTIONS, MOVABLES, PREPOSITIONS, SHAPES, Step

PRESS = Step("press", BUTTON)
ASIDE = 0.06
"""How far to one side of a container a thing must be, for everybody to say that it is left or right of it [m]."""


@dataclass(frozen=True)
class Draft:
    """What a task has drawn before anything is placed."""

    steps: tuple[Step, ...]
    slots: dict[str, str]
    """What fills the wording: ``{a}``, ``{container}``, ..."""
    exclude: tuple[str, ...] = ()
    """Phrases that must not be on the table."""
    beside: tuple[str, ...] = ()
    """Phrases that must be on the table, beside those of the steps."""
    stays: tuple[str, ...] = ()
    """Phrases that must be on the table, too, and must not be put into a container."""
    count: tuple[int, int] = (2, 6)
    """Fewest and most movables and containers on the table."""
    fits: Callable[[Scene], bool] = lambda scene: True
    """Whether the words mean these steps where things have come to stand."""


def _movables(rng: np.random.Generator, count: int) -> list[str]:
    return [str(phrase) for phrase in rng.choice(MOVABLES, count, replace=False)]


def _put(thing: str, place: str) -> list[Step]:
    return [Step("pick", thing), Step("stack" if place in MOVABLES else "place", thing, place)]


def _container(rng: np.random.Generator) -> tuple[str, dict[str, str]]:
    container = str(rng.choice(CONTAINERS))
    return container, {"place": f"{PREPOSITIONS[container]} the {container}"}


def draw_pick(rng: np.random.Generator) -> Draft:
    """One thing to pick up."""
    (a,) = _movables(rng, 1)
    return Draft((Step("pick", a),), {"a": a})


def draw_place(rng: np.random.Generator) -> Draft:
    """One thing and a container."""
    (a,) = _movables(rng, 1)
    container, slots = _container(rng)
    return Draft(tuple(_put(a, container)), {"a": a, **slots})


def draw_stack(rng: np.random.Generator) -> Draft:
    """One thing and another to put it on."""
    a, b = _movables(rng, 2)
    return Draft(tuple(_put(a, b)), {"a": a, "b": b})


def draw_push(rng: np.random.Generator) -> Draft:
    """One thing and a direction."""
    (a,) = _movables(rng, 1)
    direction = str(rng.choice(DIRECTIONS))
    return Draft((Step("push", a, direction),), {"a": a, "direction": direction}, count=(2, 5))


def draw_press(rng: np.random.Generator) -> Draft:
    """The button."""
    return Draft((PRESS,), {})


def draw_place_press(rng: np.random.Generator) -> Draft:
    """Something to place, then the button."""
    draft = draw_place(rng)
    return Draft((*draft.steps, PRESS), draft.slots)


def draw_press_place(rng: np.random.Generator) -> Draft:
    """The button, then something to place."""
    draft = draw_place(rng)
    return Draft((PRESS, *draft.steps), draft.slots)


def draw_stack_press(rng: np.random.Generator) -> Draft:
    """Something to stack, then the button; colours alone tell the two things apart."""
    a, b = _movables(rng, 2)
    unique = {"a_colour": a.split()[0], "b_colour": b.split()[0]}
    twins = [f"{thing.split()[0]} {shape}" for thing in (a, b) for shape in SHAPES]
    if unique["a_colour"] == unique["b_colour"]:
        return draw_stack_press(rng)
    return Draft((*_put(a, b), PRESS), {"a": a, "b": b, **unique}, tuple(t for t in twins if t not in (a, b)))


def draw_push_press(rng: np.random.Generator) -> Draft:
    """Something to push, then the button."""
    draft = draw_push(rng)
    return Draft((*draft.steps, PRESS), draft.slots, count=(2, 4))


def draw_push_place(rng: np.random.Generator) -> Draft:
    """Something to push, then something else to place."""
    a, b = _movables(rng, 2)
    container, slots = _container(rng)
    direction = str(rng.choice(DIRECTIONS))
    steps = (Step("push", a, direction), *_put(b, container))
    return Draft(steps, {"a": a, "b": b, "direction": direction, **slots}, count=(3, 4))


def draw_place_two(rng: np.random.Generator) -> Draft:
    """Two things for one container."""
    a, b = _movables(rng, 2)
    container, slots = _container(rng)
    return Draft((*_put(a, container), *_put(b, container)), {"a": a, "b": b, **slots})


def draw_stack_place(rng: np.random.Generator) -> Draft:
    """Something to stack, then something else to place."""
    a, b, c = _movables(rng, 3)
    container, slots = _container(rng)
    return Draft((*_put(a, b), *_put(c, container)), {"a": a, "b": b, "c": c, **slots})


def draw_all_of_a_shape(rng: np.random.Generator) -> Draft:
    """All cubes, or all cylinders, for one container."""
    shape = str(rng.choice(SHAPES))
    same = [phrase for phrase in MOVABLES if phrase.endswith(shape)]
    chosen = [str(phrase) for phrase in rng.choice(same, int(rng.integers(2, 4)), replace=False)]
    container, slots = _container(rng)
    steps = tuple(step for thing in chosen for step in _put(thing, container))
    return Draft(steps, {"shape": shape, **slots}, tuple(p for p in same if p not in chosen), count=(3, 5))


def draw_sort(rng: np.random.Generator) -> Draft:
    """One thing for one container, and everything else for another."""
    things = _movables(rng, int(rng.integers(2, 4)))
    first, second = (str(c) for c in rng.choice(CONTAINERS, 2, replace=False))
    steps = [*_put(things[0], first), *(step for thing in things[1:] for step in _put(thing, second))]
    slots = {
        "a": things[0],
        "place": f"{PREPOSITIONS[first]} the {first}",
        "rest": f"{PREPOSITIONS[second]} the {second}",
    }
    others = tuple(phrase for phrase in MOVABLES if phrase not in things)
    return Draft(tuple(steps), slots, others, count=(0, 0))


def draw_except_colour(rng: np.random.Generator) -> Draft:
    """Everything but the things of a colour for one container."""
    colour = str(rng.choice(COLOURS))
    same = [f"{colour} {shape}" for shape in SHAPES]
    left = [str(phrase) for phrase in rng.choice(same, int(rng.integers(1, len(same) + 1)), replace=False)]
    rest = [phrase for phrase in MOVABLES if phrase not in same]
    moved = [str(phrase) for phrase in rng.choice(rest, int(rng.integers(1, 3)), replace=False)]
    container, slots = _container(rng)
    steps = tuple(step for thing in moved for step in _put(thing, container))
    return Draft(steps, {"colour": colour, **slots}, MOVABLES, stays=tuple(left), count=(0, 0))


def draw_left_or_right(rng: np.random.Generator) -> Draft:
    """The one of two things of a shape that stands on one side of a container."""
    shape, side = str(rng.choice(SHAPES)), str(rng.choice(("left", "right")))
    same = [phrase for phrase in MOVABLES if phrase.endswith(shape)]
    wanted, other = (str(phrase) for phrase in rng.choice(same, 2, replace=False))
    anchor, _ = _container(rng)

    def fits(scene: Scene) -> bool:
        sign = PUSH_VECTORS[side][1]
        ahead, behind = (sign * (scene.item(thing).y - scene.item(anchor).y) for thing in (wanted, other))
        return ahead > ASIDE and behind < -ASIDE

    slots = {"shape": shape, "side": side, "anchor": anchor}
    return Draft((Step("pick", wanted),), slots, tuple(same), (other, anchor), count=(3, 4), fits=fits)
