"""Puts planner, policy, robot and safety filter together, for all that carry instructions out in real time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig
from PIL import Image

from vla.cli.ask import ask
from vla.cli.options import check_range, planner_spec
from vla.cli.remote import RemoteLink, remote_link
from vla.cli.robots import Deployment, open_robot
from vla.cli.safety import GRIPPER, Guard, make_filter, required_safety
from vla.errors import ConfigError, VlaError
from vla.planner.chat import Chat
from vla.planner.registry import make_planner
from vla.runtime.checkpoint import check_robot
from vla.runtime.control_loop import ControlLoop
from vla.runtime.instructions import Instructions
from vla.runtime.loop_events import LoopEvents
from vla.runtime.partners import PlannerRequest, PolicyRequest
from vla.runtime.sidecar import Sidecar
from vla.runtime.subscribers import Subscriber
from vla.runtime.watchdog import Watchdog
from vla.serve.stop_page import StopPage
from vla.types import ActionChunk, Box, Observation, Plan

READY_SECONDS = 180.0
"""Longest time that planner and policy may take to load [s]."""
ANSWERING = ("vlm", "openai")
"""Planners that answer questions."""


class SceneQuestion(NamedTuple):
    """What a planner on a vision-language model can be asked, too."""

    observation: Observation
    question: str


@dataclass(frozen=True)
class PolicyProcess:
    """Loads a policy in its process."""

    path: str
    device: str
    runtime: str = "auto"

    def __call__(self) -> Callable[[PolicyRequest], ActionChunk]:
        """Return what predicts a chunk."""
        from vla.runtime.lerobot_policy import load_policy

        policy = load_policy(self.path, self.device, threads=1, runtime=self.runtime)
        return lambda request: policy.predict_chunk(*request)


@dataclass(frozen=True)
class PlannerProcess:
    """Sets up a planner in its process, which forgets an episode when it is asked about another one."""

    name: str
    options: Mapping[str, Any]

    def __call__(self) -> Callable[[PlannerRequest], Plan]:
        """Return what plans, and answers a `SceneQuestion` with text and boxes."""
        planner: Any = make_planner(self.name, None, self.options)
        episode: int | None = None

        def work(request: PlannerRequest | SceneQuestion) -> Any:
            nonlocal episode
            if isinstance(request, SceneQuestion):
                return _answer(planner.chat, planner.config.cameras, request)
            if request.episode != episode:
                planner.reset()
                episode = request.episode
            return planner.plan(request.observation, request.instruction, request.history)

        return work


def _answer(chat: Chat, cameras: Sequence[str], request: SceneQuestion) -> tuple[str, dict[str, Box | None]]:
    images = request.observation.images
    pictures = {name: Image.fromarray(np.asarray(images[name])) for name in cameras if name in images}
    return ask(chat.look(pictures), request.question, ())


class Assembly:
    """Planner and policy in processes of their own; use as a context manager, which begins to load them.

    Args:
        config: of a command, with the groups ``env``, ``planner``, ``robot``, ``safety`` and ``remote``, and the
            options of the control loop.

    Raises:
        VlaError: an option does not fit, or there is no server where the policy should be.
    """

    def __init__(self, config: DictConfig) -> None:
        check_range("max_seconds", config.max_seconds, 0.1)
        check_range("replan_ticks", config.replan_ticks, 1)
        check_range("blend_ticks", config.blend_ticks, 0)
        check_range("watchdog", config.watchdog, 0.05)
        why = "nothing moves without a safety filter; switch single limits off with null"
        self.config, self._limits = config, required_safety(config, why)
        self.planning = planner_spec(config)
        self.stop_file = Path(config.stop_file)
        if self.stop_file.exists():
            raise ConfigError(f"{self.stop_file} exists, which stops the arm; remove it first")
        self._remote: RemoteLink | None = remote_link(config)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        config = self.config
        planner = PlannerProcess(self.planning.name, self.planning.options)
        self.planner: Sidecar[PlannerRequest, Plan] = self._stack.enter_context(Sidecar(planner, "planner"))
        local = PolicyProcess(str(config.policy), str(config.device), str(config.runtime))
        policy = self._remote.process if self._remote else local
        self.policy: Sidecar[PolicyRequest, ActionChunk] = self._stack.enter_context(Sidecar(policy, "policy"))
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def wait_ready(self) -> None:
        """Wait until planner and policy are loaded.

        Raises:
            VlaError: one of them cannot be, or not in time.
        """
        self.planner.wait_ready(READY_SECONDS)
        self.policy.wait_ready(READY_SECONDS)

    def abandon(self) -> None:
        """Load no further; from any thread."""
        for name in ("planner", "policy"):
            if sidecar := getattr(self, name, None):
                sidecar.close()

    @contextmanager
    def open(self, instruction: str, seed: int | None, stop_requested: Callable[[], str]) -> Iterator[Station]:
        """Make the robot ready, with its safety filter and watchdog; let go of it afterwards.

        Args:
            instruction: see `open_robot`.
            seed: see `open_robot`.
            stop_requested: returns why to stop the arm, or "".

        Raises:
            VlaError: the robot cannot be made ready.
            CheckpointError: the policy does not fit it.
        """
        with open_robot(self.config, instruction, seed) as deployment:
            observation = deployment.robot.observe()
            if self._remote:
                self._remote.check_robot(observation)
            else:
                check_robot(str(self.config.policy), observation)
            safety = Guard(make_filter(self._limits, deployment.arm, deployment.robot.control_hz))
            watchdog = Watchdog(deployment.robot, stop_requested, silence=self.config.watchdog)
            yield Station(self, deployment, safety, watchdog)

    def make_loop(self, station: Station, say: Callable[[str], None], **options: Any) -> ControlLoop:
        """Return the control loop of a station; see `Station.loop`."""
        safety = self._remote.guard(station.safety, say) if self._remote else station.safety
        return ControlLoop(
            station.watchdog,
            self.policy,
            self.planner,
            safety,
            planner_period=self.planning.period,
            replan_ticks=self.config.replan_ticks,
            blend_ticks=self.config.blend_ticks,
            stop_requested=station.watchdog,
            **options,
        )


@dataclass(frozen=True)
class Station:
    """A robot that is ready to be moved by an assembly's planner and policy."""

    assembly: Assembly
    deployment: Deployment
    safety: Guard
    watchdog: Watchdog
    """To be entered around the time in which the loop runs."""

    def loop(
        self,
        *,
        subscribers: Sequence[Subscriber] = (),
        say: Callable[[str], None] = lambda text: print(text, flush=True),
        instructions: Instructions | None = None,
        events: LoopEvents | None = None,
        end_requested: Callable[[], str] = lambda: "",
        ready: NDArray | None = None,
    ) -> ControlLoop:
        """Return the control loop.

        Args:
            subscribers: watch.
            say: tells the operator how the link to a policy server is.
            instructions: see `ControlLoop`, as for the others.
            events: is told what happens.
            end_requested: ends a run.
            ready: pose that instructions begin in (n,).
        """
        return self.assembly.make_loop(
            self,
            say,
            subscribers=subscribers,
            instructions=instructions,
            events=events,
            end_requested=end_requested,
            ready=ready,
        )

    @property
    def ready_pose(self) -> NDArray[np.float64]:
        """Pose that instructions begin in (n,), with NaN for the gripper, which may hold something."""
        grips = [GRIPPER in name for name in self.deployment.arm.joint_names]
        return np.where(grips, np.nan, self.deployment.arm.ready)


def move_to_ready(loop: ControlLoop, deployment: Deployment, safety: Guard) -> None:
    """Move the arm to where policies expect to begin.

    Raises:
        VlaError: it does not get there.
    """
    if not loop.move_to(deployment.arm.ready):
        raise VlaError(f"the arm did not get to the ready pose: {safety.stopped or 'something is in its way'}")


def stop_page(config: DictConfig, stack: ExitStack) -> StopPage | None:
    """Serve the page of ``estop_port=``, and say where; None without one.

    Raises:
        ConfigError: the port cannot be used, or others could press the button.
    """
    if config.estop_port is None:
        return None
    check_range("estop_port", config.estop_port, 0, 65535)
    page = stack.enter_context(StopPage(int(config.estop_port), str(config.estop_host)))
    print(f"stop button: http://{page.host}:{page.port}/{'?token=…' if page.token else ''}", flush=True)
    return page
