"""Makes the robot of the config group ``robot`` ready."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from vla.cli.options import env_options
from vla.cli.rollouts import open_suite
from vla.decoding import decode
from vla.errors import ConfigError, UnknownNameError
from vla.planner.registry import LITERAL
from vla.robots.twin_process import TwinProcess
from vla.types import ArmDescription, Robot

if TYPE_CHECKING:
    from envs.tabletop.powered_arm import PoweredArm
    from vla.robots.bus_twin import BusTwin

ROBOTS = ("so101", "so101_bus_twin", "so101_sim")
TWIN = "vla"
"""Name of the bus twin within this process."""


@dataclass(frozen=True)
class Deployment:
    """A robot that is ready to move."""

    robot: Robot
    arm: ArmDescription
    task: str
    """For reports: the simulation's task, or the robot's name."""
    seed: int | None = None
    """Of the simulated scene; None for a real robot."""
    succeeded: Callable[[], bool | None] = lambda: None
    """Tells whether the instruction has been carried out; None on a real robot, and for words beyond the simulation."""
    aim: Callable[[str], None] = lambda instruction: None
    """Has ``succeeded`` tell of another instruction from now on. Raises an InstructionError if it is not understood."""
    model: Any = None
    """The ``mujoco.MjModel`` of the simulated scene; None for a real robot."""
    poses: Callable[[], NDArray[np.float64]] | None = None
    """Tells where the model's bodies are (b, 7): position [m] and quaternion; None for a real robot. Physics go on
    meanwhile, and so some may be those of the next moment."""
    things: tuple[str, ...] = ()
    """Phrases of what is on the table; none for a real robot."""


@contextmanager
def open_robot(config: DictConfig, instruction: str, seed: int | None) -> Iterator[Deployment]:
    """Make the robot ready, and let go of it afterwards.

    Args:
        config: with the groups ``robot`` and ``env``.
        instruction: what a simulated scene must allow; empty for any scene.
        seed: of a simulated scene; None takes the first that allows it.

    Raises:
        UnknownNameError: there is no such robot.
        ConfigError: it cannot be connected, or is not calibrated.
    """
    options: Any = OmegaConf.to_container(config.robot)
    name = options["name"]
    if name not in ROBOTS:
        raise UnknownNameError("robot", str(name), ROBOTS)
    with ExitStack() as stack:
        simulation: Any = stack.enter_context(closing(open_suite("tabletop").make(**env_options(config))))  # type: ignore[type-var]
        arm = simulation.describe_arm()
        if name == "so101":
            yield Deployment(stack.enter_context(_follower(options)), arm, name)
            return
        literal = str(config.planner.name) in LITERAL
        set_table(simulation, instruction, seed, literal=literal)
        if name == "so101_sim":
            yield Deployment(
                simulation,
                arm,
                simulation.task,
                simulation.seed,
                partial(_succeeded, simulation),
                simulation.aim,
                poses=partial(_poses, simulation),
                **_contents(simulation),
            )
            return
        make_arm = TwinArm(env_options(config), instruction, simulation.seed, literal)
        twin = stack.enter_context(TwinProcess(make_arm, options["fps"]))
        robot = stack.enter_context(twin_follower(twin, simulation, options["fps"]))
        yield Deployment(
            robot,
            arm,
            simulation.task,
            simulation.seed,
            partial(twin.call, _twin_succeeded),
            lambda instruction: twin.call(partial(_aim, instruction)),
            poses=lambda: twin.call(_twin_poses),
            **_contents(simulation),
        )


def set_table(simulation: Any, instruction: str, seed: int | None, *, literal: bool = True) -> None:
    """Draw a simulation's scene; see `open_robot`. Only if ``literal`` the simulation has to understand the words."""
    if instruction:
        reset = simulation.reset_for_instruction if literal else simulation.reset_for_words
        reset(instruction, seed)
    else:
        simulation.draw(seed or 0)


@dataclass(frozen=True)
class TwinArm:
    """Builds the twin's arm in its process; see `open_robot`."""

    options: Mapping[str, Any]
    instruction: str
    seed: int
    literal: bool = True

    def __call__(self) -> PoweredArm:
        """Return the arm in its scene."""
        from envs.tabletop.powered_arm import PoweredArm

        simulation: Any = open_suite("tabletop").make(**self.options)
        set_table(simulation, self.instruction, self.seed, literal=self.literal)
        return PoweredArm(simulation)


def _contents(simulation: Any) -> dict[str, Any]:
    return {"model": simulation.world.model, "things": tuple(simulation.world.scene.phrases)}


def _poses(simulation: Any) -> NDArray[np.float64]:
    data = simulation.world.data
    return np.concatenate([data.xpos, data.xquat], axis=1)


def _twin_poses(twin: BusTwin) -> NDArray[np.float64]:
    return _poses(twin.physics.simulation)  # type: ignore[attr-defined]


def _succeeded(simulation: Any) -> bool | None:
    return simulation.succeeded() if simulation.judges else None


def _twin_succeeded(twin: BusTwin) -> bool | None:
    return _succeeded(twin.physics.simulation)  # type: ignore[attr-defined]


def _aim(instruction: str, twin: BusTwin) -> None:
    twin.physics.simulation.aim(instruction)  # type: ignore[attr-defined]


@contextmanager
def twin_follower(twin: TwinProcess, simulation: Any, fps: float) -> Iterator[Robot]:
    """Put lerobot's driver before a twin of a simulated arm."""
    from vla.robots.twincamera import SOURCES, TwinCameraConfig

    height, width = simulation.image_size
    with tempfile.TemporaryDirectory() as folder:
        twin.calibrate(Path(folder), TWIN)
        SOURCES[TWIN] = twin.latest_frames
        cameras = {
            name: TwinCameraConfig(twin=TWIN, camera=name, fps=round(fps), width=width, height=height)
            for name in simulation.camera_names
        }
        options = {"port": twin.port, "id": TWIN, "calibration_dir": folder, "torque_at_end": False}
        options |= {"image_size": None, "camera_delay": 0.0}
        with _follower(options | {"control_hz": simulation.control_hz}, cameras) as robot:
            yield robot
        del SOURCES[TWIN]


@contextmanager
def _follower(options: Mapping[str, Any], cameras: Mapping[str, Any] | None = None) -> Iterator[Robot]:
    """Connect an SO-101."""
    from lerobot.cameras import CameraConfig
    from lerobot.robots.so_follower import SO101Follower, SO101FollowerConfig

    from vla.robots.lerobot_robot import FAULTS, LerobotRobot, connect

    if cameras is None:
        import lerobot.cameras.opencv  # noqa: F401 - registers its configuration

        cameras = {
            name: decode(CameraConfig, entry, f"camera {name}") for name, entry in (options["cameras"] or {}).items()
        }
    if not options["port"]:
        raise ConfigError("robot.port= must be given: the serial port of the arm, as lerobot-find-port shows it")
    calibration_dir = options["calibration_dir"]
    follower = SO101Follower(
        SO101FollowerConfig(  # type: ignore[call-arg]
            port=options["port"],
            id=options["id"],
            calibration_dir=Path(calibration_dir) if calibration_dir else None,
            cameras=dict(cameras),
            disable_torque_on_disconnect=not options["torque_at_end"],
        )
    )
    if not follower.calibration:
        raise ConfigError(
            f"{follower.calibration_fpath} does not exist; calibrate the arm: "
            f"lerobot-calibrate --robot.type=so101_follower --robot.port={options['port']} --robot.id={options['id']}"
        )
    try:
        connect(follower)
    except FAULTS as error:
        raise ConfigError(f"the arm at {options['port']} cannot be connected: {error}") from error
    try:
        if not follower.is_calibrated:
            raise ConfigError(
                f"the servos' calibration is not the one in {follower.calibration_fpath}; calibrate the arm again"
            )
        size = options["image_size"]
        yield LerobotRobot(follower, options["control_hz"], tuple(size) if size else None, options["camera_delay"])
    finally:
        try:
            follower.disconnect()
        except FAULTS as error:
            print(f"could not let go of the arm, which may still be under power: {error}")
