"""Meta-World's scripted policies as demonstrators, with gusts that push the hand off its way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.metaworld.package import scripted_policy
from envs.metaworld.world import World
from vla.types import Subgoal

GUST_RATE = 0.01
"""Probability that a gust begins in a tick, for ``perturb=1``."""
GUST_TICKS = (10, 40)
"""Shortest and longest gust: at full strength, the hand is carried off by 1 cm a tick."""
GUST_STRENGTH = 0.7
"""Largest push along an axis, as an action."""


class MetaworldExpert:
    """A scripted policy; it looks at every tick, and so recovers from wherever a gust has carried the hand.

    Args:
        world: the scene.
        rng: draws the gusts.
        perturb: how many gusts; 0 for none.
    """

    def __init__(self, world: World, rng: np.random.Generator, *, perturb: float = 0.0) -> None:
        self.executed = np.zeros(4, np.float32)
        self._world = world
        self._rng = rng
        self._rate = GUST_RATE * perturb
        self._gust = np.zeros(3)
        self._ticks = 0
        self._policy = scripted_policy(world.task)

    def reset(self, subgoal: Subgoal) -> None:
        """Start anew."""
        self._policy = scripted_policy(self._world.task)
        self._ticks = 0

    def act(self) -> NDArray[np.float32]:
        """Return the scripted action (4,) within [-1, 1]; what is executed has the gust added to the hand's motion."""
        action = np.clip(self._policy.get_action(self._world.observation), -1.0, 1.0).astype(np.float32)
        if self._ticks == 0 and self._rng.random() < self._rate:
            self._ticks = int(self._rng.integers(*GUST_TICKS, endpoint=True))
            self._gust = self._rng.uniform(-GUST_STRENGTH, GUST_STRENGTH, 3)
        self.executed = action.copy()
        if self._ticks:
            self._ticks -= 1
            self.executed[:3] = np.clip(action[:3] + self._gust, -1.0, 1.0)
        return action
