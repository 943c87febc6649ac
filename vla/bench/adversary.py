"""Commands meant to get past a safety filter, and observations meant to mislead it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vla.safety.limit import Situation
from vla.types import ArmDescription

Array = NDArray[np.float64]
Random = np.random.Generator
JUST = 1e-3
"""By how much, relatively, commands are beyond a limit that they should be just beyond."""
GARBAGE: tuple[Any, ...] = (np.nan, np.inf, -np.inf, 1e308, -1e308, 1e30, -1e300, 5e-324)


class Bounds(NamedTuple):
    """What an adversary knows of the limits."""

    low: Array
    high: Array
    velocity: float
    """[units/s]"""
    acceleration: float
    """[units/s²]"""
    period: float
    """[s]"""


Attack = Callable[[Random, Bounds, Array], Iterator[Any]]
"""Endless proposals, valid or not, given where the arm begins."""


def random_walk(random: Random, bounds: Bounds, start: Array) -> Iterator[Any]:
    """Walk, with steps from tiny to huge."""
    target, step = start.copy(), 10 ** random.uniform(-2, 2)
    while True:
        target = target + random.normal(0, step, len(start))
        yield target


def jumps(random: Random, bounds: Bounds, start: Array) -> Iterator[Any]:
    """Jump anywhere within and beyond the joint ranges, every now and then or in every tick."""
    middle, half = (bounds.low + bounds.high) / 2, (bounds.high - bounds.low) / 2
    while True:
        target = middle + random.uniform(-1.5, 1.5, len(start)) * half
        for _ in range(random.integers(1, 20)):
            yield target


def not_numbers(random: Random, bounds: Bounds, start: Array) -> Iterator[Any]:
    """Mix targets with infinities, numbers that overflow, and what is no number."""
    while True:
        target = random.uniform(bounds.low, bounds.high)
        spoiled = random.random(len(start)) < random.choice([0.0, 0.2, 1.0])
        yield np.where(spoiled, random.choice(GARBAGE, len(start)), target)


def wrong_shapes(random: Random, bounds: Bounds, start: Array) -> Iterator[Any]:
    """Send arrays of other shapes and things that are no arrays, between extreme targets."""
    n = len(start)
    wrong: list[Any] = [
        np.zeros(n - 1),
        np.zeros(n + 1),
        np.zeros((n, 1)),
        np.zeros((2, n)),
        np.zeros((1, n)),
        np.zeros(0),
        np.float64(3.0),
        "far away",
        ["1"] * (n - 1) + [None],
        {"joint": 1.0},
        np.array([object()] * n),
        [[1.0], [2.0, 3.0]],
        np.zeros(n, complex) + 1j,
    ]
    while True:
        yield wrong[random.integers(len(wrong))] if random.random() < 0.5 else random.choice([bounds.low, bounds.high])


def bang_bang(random: Random, bounds: Bounds, start: Array) -> Iterator[Any]:
    """Send each joint from one end of its range to the other and back, at a rate of its own."""
    half_periods = random.integers(1, 30, len(start))
    tick = 0
    while True:
        yield np.where((tick // half_periods) % 2 == 0, bounds.high, bounds.low)
        tick += 1


def oscillation(random: Random, bounds: Bounds, start: Array) -> Iterator[Any]:
    """Swing by a little at any frequency up to that of the commands, around a place that changes."""
    amplitude, frequency = 10 ** random.uniform(-4, 1.3, len(start)), 10 ** random.uniform(-1.5, 1.5, len(start))
    phase, center, tick = random.uniform(0, 2 * np.pi, len(start)), start, 0
    while True:
        if random.random() < 0.01:
            center = random.uniform(bounds.low, bounds.high)
        yield center + amplitude * np.sin(2 * np.pi * frequency * tick * bounds.period + phase)
        tick += 1


def slow_drift(random: Random, bounds: Bounds, start: Array) -> Iterator[Any]:
    """Creep toward where the arm must not go: folded onto itself, into the table, out of the box."""
    while True:
        corner = np.where(random.random(len(start)) < 0.5, bounds.low, bounds.high)
        goal = np.where(random.random(len(start)) < 0.7, corner, random.uniform(bounds.low, bounds.high))
        speed, here = 10 ** random.uniform(-2.5, 0.7), start.copy()  # [units/tick]
        for _ in range(random.integers(100, 500)):
            here = here + np.clip(goal - here, -speed, speed)
            yield here


def just_beyond(random: Random, bounds: Bounds, start: Array) -> Iterator[Any]:
    """Ask for a little more than the joint ranges, the velocity and the acceleration allow."""
    here, velocity = start.copy(), np.zeros_like(start)
    more = 1 + JUST * random.uniform(0, 2)
    while True:
        direction = random.choice([-1.0, 1.0], len(start))
        for _ in range(random.integers(1, 25)):
            change = direction * more * bounds.acceleration * bounds.period
            velocity = np.clip(velocity + change, -more * bounds.velocity, more * bounds.velocity)
            here = here + velocity * bounds.period
            here = np.clip(here, bounds.low - JUST * random.uniform(0, 20), bounds.high + JUST * random.uniform(0, 20))
            yield here


def extremes_after_holds(random: Random, bounds: Bounds, start: Array) -> Iterator[Any]:
    """Say nothing for a while, then send the arm to alternating extremes."""
    while True:
        for _ in range(random.integers(1, 12)):
            yield None
        side = random.random(len(start)) < 0.5
        for tick in range(random.integers(1, 12)):
            yield np.where(side ^ bool(tick % 2), 10 * bounds.high, 10 * bounds.low)


ATTACKS: dict[str, Attack] = {
    attack.__name__.replace("_", " "): attack
    for attack in (
        random_walk,
        jumps,
        not_numbers,
        wrong_shapes,
        bang_bang,
        oscillation,
        slow_drift,
        just_beyond,
        extremes_after_holds,
    )
}


class Liar:
    """An arm that follows its commands, more or less, and whose observations may be wrong.

    Args:
        random: decides, once for all, how honest it is.
        start: where the joints are (n,).
    """

    def __init__(self, random: Random, start: Array) -> None:
        self._random, self._position = random, start.copy()
        self._following = random.choice([0.1, 0.7, 1.0])
        self._blocked = random.random() < 0.1
        self._noise = random.choice([0.0, 0.0, 0.5, 30.0])
        self._lies = random.choice([0.0, 0.02, 0.3])

    def follow(self, command: Array) -> None:
        """Go most of the way to a command (n,)."""
        if not self._blocked:
            self._position = self._position + self._following * (command - self._position)

    def situation(self, time: float) -> Situation:
        """Return what is known at ``time`` [s], true or not."""
        random = self._random
        measured = self._position + self._noise * random.uniform(-1, 1, len(self._position))
        age = plan_age = 0.0
        if random.random() < self._lies:
            measured = np.where(random.random(len(measured)) < 0.3, random.choice(GARBAGE), measured)
        if random.random() < self._lies:
            age = float(random.choice([0.19, 0.21, 5.0, -3.0, np.nan, np.inf]))
        if random.random() < self._lies:
            plan_age = float(random.choice([0.99, 1.01, 30.0, -3.0, np.nan]))
        return Situation(time, measured, time - age, None if random.random() < 0.1 else time - plan_age)


def draw_start(random: Random, arm: ArmDescription) -> Array:
    """Return joint positions (n,) that an arm may have when it is switched on, legal or not."""
    low, high = arm.low.astype(np.float64), arm.high.astype(np.float64)
    match random.choice(["ready", "near", "anywhere"], p=[0.6, 0.3, 0.1]):
        case "ready":
            return arm.ready.astype(np.float64)
        case "near":
            return np.clip(arm.ready + random.normal(0, 15, len(low)), low, high)
    return random.uniform(low - 5, high + 5)
