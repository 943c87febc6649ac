"""The suites of tasks, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vla.errors import UnknownNameError
from vla.types import Simulation, TaskInfo


@dataclass(frozen=True)
class Suite:
    """A set of tasks and the simulation they run in."""

    name: str
    version: str
    tasks: Mapping[str, TaskInfo]
    make: Callable[..., Simulation]
    """Takes the options of ``configs/env/<suite>.yaml``."""
    packages: tuple[str, ...] = ()
    """Installed packages of which a result depends on the version."""

    def select(self, names: str) -> list[TaskInfo]:
        """Return tasks by ``all``, by the beginning of a group (``skills``, ``long``), or by comma-separated names.

        Raises:
            UnknownNameError: neither a task nor a group.
        """
        chosen: dict[str, TaskInfo] = {}
        for name in str(names).replace(" ", "").split(","):
            if name == "all":
                chosen.update(self.tasks)
            elif name in self.tasks:
                chosen[name] = self.tasks[name]
            elif grouped := {task.name: task for task in self.tasks.values() if task.group.startswith(name)}:
                chosen.update(grouped)
            else:
                groups = {task.group for task in self.tasks.values()}
                raise UnknownNameError("task", name, {"all", *groups, *self.tasks})
        return list(chosen.values())


def _tabletop() -> Suite:
    from envs.tabletop.simulation import TabletopSimulation
    from envs.tabletop.tasks import TASKS, VERSION

    return Suite(
        "tabletop", VERSION, {name: task.info for name, task in TASKS.items()}, _simulation(TabletopSimulation)
    )


def _metaworld() -> Suite:
    from envs.metaworld.simulation import MetaworldSimulation
    from envs.metaworld.tasks import TASKS, VERSION

    return Suite("metaworld_mt50", VERSION, TASKS, _simulation(MetaworldSimulation), ("metaworld",))


def _simulation(cls: type) -> Callable[..., Simulation]:
    def make(**options: Any) -> Simulation:
        return cls(**options)

    return make


SUITES: dict[str, Callable[[], Suite]] = {"tabletop": _tabletop, "metaworld_mt50": _metaworld}


def load_suite(name: str) -> Suite:
    """Return a suite.

    Raises:
        UnknownNameError: there is no such suite.
        RenderingError: no rendering backend works here.
    """
    if name not in SUITES:
        raise UnknownNameError("suite", name, SUITES)
    return SUITES[name]()
