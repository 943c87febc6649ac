"""A robot with planner and policy, for as long as one likes."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass
from typing import Any, Self

from omegaconf import DictConfig

from vla.api.answer import Answer
from vla.api.command import Command
from vla.api.driver import CLOSED, Driver, Job
from vla.api.options import session_config
from vla.cli.assembly import ANSWERING, Assembly, SceneQuestion
from vla.cli.options import check_range
from vla.cli.robots import Deployment
from vla.errors import ConfigError, VlaError
from vla.runtime.event_bus import EventBus, Listener
from vla.runtime.instructions import new_number
from vla.runtime.stop_switch import Latch
from vla.runtime.subscribers import Subscriber
from vla.types import Observation

LOOK_SECONDS = 10.0
"""Longest time until a question has its picture [s]."""
ANSWER_SECONDS = 60.0
"""Longest time that an answer may take [s]."""
CLOSE_SECONDS = 30.0
"""Longest time that a robot may take to be let go of [s]."""


@dataclass(frozen=True)
class Status:
    """What a session is about at a moment."""

    state: str
    """``idle``, ``busy``, ``stopped``, ``starting``, or why the session has ended."""
    command: int | None
    """Number of the instruction that is carried out."""
    stopped: str
    """Why the arm is stopped; empty if it is not."""
    robot: str
    planner: str
    policy: str
    seed: int | None
    """Of the simulated scene; None for a real arm."""

    def __str__(self) -> str:
        scene = "" if self.seed is None else f", seed {self.seed}"
        state = f"stopped: {self.stopped}" if self.stopped else self.state
        return f"{state} (robot {self.robot}{scene}, planner {self.planner}, policy {self.policy})"


class Session:
    """Loads robot, planner and policy, and holds the arm between instructions; use as a context manager.

    All methods may be called from any thread. The robot has a thread of its own, and so the arm goes on while nobody
    listens. What `stop` has stopped stays so until `resume`.

    Args:
        robot: ``so101_sim``, ``so101_bus_twin``, or ``so101`` for a real arm.
        planner: choice of the config group ``planner``.
        policy: checkpoint folder, hub id of a lerobot policy, or ``ws://host:port`` of ``vla serve``.
        safety: choice of the config group ``safety``; there must be a filter.
        seed: of a simulated scene.
        options: further options of ``vla command`` by their names there, as ``{"robot.port": "/dev/ttyACM0"}``.

    Raises:
        VlaError: an option does not fit; on entering, if robot, planner or policy cannot be made ready.
    """

    def __init__(
        self,
        robot: str = "so101_sim",
        *,
        planner: str = "vlm",
        policy: str = "checkpoints/tabletop",
        safety: str = "default",
        seed: int = 42,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        choices = {"robot": robot, "planner": planner, "policy": policy, "safety": safety, "seed": seed}
        self._prepare(Assembly(session_config(choices, options or {})))

    @classmethod
    def from_config(cls, config: DictConfig) -> Self:
        """Return a session with the options of ``vla command``.

        Raises:
            VlaError: an option does not fit.
        """
        return cls.from_assembly(Assembly(config))

    @classmethod
    def from_assembly(
        cls, assembly: Assembly, *, latches: Sequence[Latch] = (), subscribers: Sequence[Subscriber] = ()
    ) -> Self:
        """Return a session with planner, policy and robot of one's own making.

        Args:
            assembly: what it is made of.
            latches: stop buttons of one's own, asked all the time and released by `resume`.
            subscribers: watch what is carried out, from the thread of the loop.
        """
        session = cls.__new__(cls)
        session._prepare(assembly, latches, subscribers)
        return session

    def _prepare(
        self, assembly: Assembly, latches: Sequence[Latch] = (), subscribers: Sequence[Subscriber] = ()
    ) -> None:
        self._assembly, self._config, self._bus = assembly, assembly.config, EventBus()
        check_range("seed", self._config.seed, 0)
        self._driver = Driver(assembly, self._bus, int(self._config.seed), latches, subscribers)
        self._thread = threading.Thread(target=self._driver.run, name="session", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._driver.ready.result()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def command(self, instruction: str) -> Command:
        """Have an instruction carried out, at once; one that is carried out already is given up for it.

        Returns:
            What becomes of it: events to iterate over, of which the last is `Finished`.

        Raises:
            VlaError: the instruction is empty, or the session has ended.
        """
        text = " ".join(instruction.split())
        if not text:
            raise ConfigError("the instruction is empty")
        self._check_open()
        number = new_number()
        command = Command(number, text, self._bus.listen(number))
        self._driver.instructions.put(text, number)
        return command

    def events(self) -> Listener:
        """Return what happens from now on; any number of listeners may be slow without holding anything up."""
        return self._bus.listen()

    def ask(self, question: str) -> Answer:
        """Return the planner's answer to a question about what the cameras show now; the arm does not wait for it.

        Raises:
            ConfigError: the planner answers no questions, or the question is empty.
            VlaError: there is no answer.
        """
        name = self._assembly.planning.name
        if name not in ANSWERING:
            raise ConfigError(f"planner={name} answers no questions; those that do: {', '.join(ANSWERING)}")
        if not question.strip():
            raise ConfigError("the question is empty")
        question_now = SceneQuestion(self.look(), question.strip())
        return Answer(*self._assembly.planner.call(question_now, ANSWER_SECONDS))

    def look(self, seconds: float = LOOK_SECONDS) -> Observation:
        """Return what the robot senses in the next tick, frames included; the arm does not wait for it.

        Args:
            seconds: longest time to wait [s].

        Raises:
            VlaError: the robot shows nothing.
        """
        self._check_open()
        if (loop := self._driver.loop) is None:
            raise VlaError("there is nothing to look at while the scene is drawn")
        try:
            return loop.look().result(seconds)
        except TimeoutError:
            raise VlaError(f"the robot has shown nothing for {seconds:g} s") from None

    @property
    def deployment(self) -> Deployment | None:
        """The robot that is there now; None while it is made ready, or another scene is drawn."""
        return self._driver.deployment

    def stop(self, cause: str = "asked to stop") -> None:
        """Bring the arm to rest, for good; does not wait. What is carried out ends as ``stopped``."""
        self._driver.stop.press(cause)

    def resume(self) -> None:
        """Lift a stop, once the arm is at rest; instructions are accepted again, and the arm starts slowly.

        Raises:
            VlaError: something still asks for a stop, as a stop file that is there.
        """
        self._check_open()
        if self._driver.events.cause or self._driver.stop():
            self._do(Job("resume"))

    def reset(self, seed: int | None = None) -> None:
        """Draw a simulated scene anew; what is carried out is given up, and a stop stays.

        Args:
            seed: of the scene; None for the same one again.

        Raises:
            ConfigError: the robot is a real one, or the seed is no number from 0 on.
        """
        current = self.status().seed
        if current is None:
            raise ConfigError("robot=so101 is a real arm: its scene is up to you")
        check_range("seed", current if seed is None else seed, 0)
        self._check_open()
        self._do(Job("reset", current if seed is None else int(seed)))

    def status(self) -> Status:
        """Return what the session is about now."""
        config, driver = self._config, self._driver
        command, stopped = driver.events.command, driver.events.cause or driver.stop()
        state = "busy" if command is not None else "stopped" if stopped else "idle"
        return Status(
            state=driver.ended or (state if driver.ready.done() else "starting"),
            command=command,
            stopped=stopped,
            robot=str(config.robot.name),
            planner=self._assembly.planning.name,
            policy=str(config.policy),
            seed=None if config.robot.name == "so101" else driver.seed,
        )

    def close(self) -> None:
        """Bring the arm to rest and let go of it; listeners end."""
        if self._thread.is_alive():
            if not self._driver.ready.done():
                self._assembly.abandon()
            self._driver.jobs.put(Job("close"))
            self._thread.join(CLOSE_SECONDS)
        self._bus.close()

    def _do(self, job: Job) -> None:
        self._driver.jobs.put(job)
        while not wait([job.done], timeout=0.2).done:
            self._check_open()
        job.done.result()

    def _check_open(self) -> None:
        if not self._thread.is_alive():
            unused = f"{CLOSED}; use it as a context manager"
            raise VlaError((self._driver.ended or CLOSED) if self._thread.ident else unused)
