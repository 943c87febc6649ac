"""The demonstrator: picks the skill of the current subgoal and acts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.tabletop.experts.carrying import Pick, Place
from envs.tabletop.experts.motion import HandMotion
from envs.tabletop.experts.perturbation import Perturbation
from envs.tabletop.experts.skill import Skill
from envs.tabletop.experts.straying import STRAY_RATE, Stray
from envs.tabletop.experts.touching import Press, Push
from envs.tabletop.world import World
from vla.errors import UnknownNameError
from vla.types import Subgoal

SKILLS: dict[str, type[Skill]] = {"pick": Pick, "place": Place, "stack": Place, "push": Push, "press": Press}
CARRIED = ("place", "stack")
"""Skills whose place is a thing."""


class TabletopExpert:
    """Scripted demonstrations from true state.

    Args:
        world: the simulated world.
        rng: source of the disturbances.
        perturb: strength of the disturbance of execution, and how often the hand goes astray before a subgoal; 0
            executes what is asked.

    Attributes:
        executed: the action (6,) to execute in this tick, disturbed if so configured.
    """

    def __init__(self, world: World, rng: np.random.Generator, *, perturb: float = 0.0) -> None:
        self._world = world
        self._rng = rng
        self._motion = HandMotion(world)
        self._perturb = Perturbation(rng, world.control_hz, perturb) if perturb > 0 else None
        self._stray_rate = STRAY_RATE * perturb
        self._subgoal: Subgoal | None = None
        self._possible = True
        self._stray: Stray | None = None
        self._skill: Skill | None = None
        self.executed: NDArray[np.float32] = world.command

    def reset(self, subgoal: Subgoal) -> None:
        """Start on a subgoal from wherever the arm is; one about things that are not there is met by resting.

        Raises:
            UnknownNameError: there is no expert for the subgoal's skill.
        """
        if subgoal.skill not in SKILLS:
            raise UnknownNameError("skill", subgoal.skill, SKILLS)
        self._motion.restart()
        self._subgoal, self._stray, self._skill = subgoal, None, None
        self._possible = {subgoal.object, *([subgoal.place] if subgoal.skill in CARRIED else [])} <= set(
            self._world.scene.phrases
        )
        if self._possible and self._rng.random() < self._stray_rate:
            self._stray = Stray(self._world, self._motion, subgoal, self._rng)

    def act(self) -> NDArray[np.float32] | None:
        """Return the clean action (6,) for this tick, and leave the one to execute in ``executed``.

        None while the hand goes astray: nobody should imitate that.
        """
        if self._subgoal is None:
            raise RuntimeError("act() before reset(subgoal)")
        if self._stray and (astray := self._stray.act()) is not None:
            self.executed = astray
            return None
        if not self._possible:
            self.executed = self._world.command
            return self.executed
        if self._skill is None:
            self._skill = SKILLS[self._subgoal.skill](self._world, self._motion, self._subgoal)
        action = self._skill.act()
        self.executed = self._perturb(action) if self._perturb else action
        return action
