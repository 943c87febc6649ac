"""Physics of one scene, and the questions about it that success tests, the oracle and the experts ask."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.renderer import Renderer
from envs.tabletop.arm import HAND_SITE, PADS, WRIST_CAMERA
from envs.tabletop.model import (
    BUTTON_JOINT,
    DOME_LIT_RGBA,
    DOME_RGBA,
    FLOOR_HEIGHT,
    FRONT_CAMERA,
    HOUSING_HALF,
    INNER_RADIUS,
    PHYSICS_HZ,
    PRESSED_DEPTH,
    WALL_HEIGHT,
    body_name,
    build_model,
)
from envs.tabletop.scene import HALF_SIZE, RADII, Scene
from envs.tabletop.units import JOINT_NAMES, to_lerobot, to_radians
from vla.errors import ControlRateError, UnknownNameError
from vla.language import BUTTON
from vla.types import Box

CAMERAS = (FRONT_CAMERA, WRIST_CAMERA)
READY_POSE = np.array([0.0, -50.0, 31.0, 93.0, 2.5, 38.0])
"""Where every episode starts and every skill ends: hand above the near edge of the working area, pointing down."""


def substeps(control_hz: float, physics_hz: float = PHYSICS_HZ) -> int:
    """Return the number of physics steps in a control period.

    Raises:
        ControlRateError: the physics step does not divide the control period.
    """
    count = round(physics_hz / control_hz)
    if count < 1 or abs(count * control_hz - physics_hz) > 1e-9 * physics_hz:
        raise ControlRateError(
            f"the physics step of 1/{physics_hz:g} s does not divide the control period of 1/{control_hz:g} s; "
            f"choose a control rate among {', '.join(f'{physics_hz / k:g}' for k in (4, 6, 8, 12, 16, 24))} Hz"
        )
    return count


class World:
    """A compiled scene with its state.

    Args:
        scene: what stands on the table.
        control_hz: control rate [Hz].
        image_size: (height, width) of both cameras [px].
        level: level of detail of the arm's meshes.
        shadows: cast shadows in the frames.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        control_hz: float = 30.0,
        image_size: tuple[int, int] = (128, 128),
        level: str = "medium",
        shadows: bool = False,
    ) -> None:
        self.scene = scene
        self.control_hz = control_hz
        self.image_size = image_size
        self._substeps = substeps(control_hz)
        self.model = build_model(scene, level=level, shadows=shadows)
        self.data = mujoco.MjData(self.model)
        self._renderer: Renderer | None = None
        joints = [self.model.joint(name) for name in JOINT_NAMES]
        self.qpos_index = np.array([joint.qposadr[0] for joint in joints])
        self.qvel_index = np.array([joint.dofadr[0] for joint in joints])
        self._pads = {self.model.geom(name).id for name in PADS}
        self._jaws = (self.model.body("gripper").id, self.model.body("moving_jaw_so101_v1").id)
        self.ticks = 0
        self._place_arm(READY_POSE)
        self.command = READY_POSE.astype(np.float32)
        for _ in range(40):
            mujoco.mj_step(self.model, self.data)
        self.data.time = 0.0
        self.begin_task()

    def begin_task(self) -> None:
        """Measure from how things are now: pushes from where objects lie, and the button is not pressed."""
        self.light_button(False)
        self.start_positions = {item.phrase: self.position(item.phrase).copy() for item in self.scene.items}

    def _place_arm(self, pose: NDArray) -> None:
        angles = to_radians(pose)
        self.data.qpos[self.qpos_index] = angles
        mujoco.mj_forward(self.model, self.data)
        self.data.ctrl[:] = angles

    # -- acting and sensing ------------------------------------------------------------------------------------------

    @property
    def time(self) -> float:
        """Time since the start of the episode [s]."""
        return self.ticks / self.control_hz

    def step(self, action: NDArray) -> None:
        """Hold target joint positions (6,), lerobot units, for one control period."""
        self.command = np.asarray(action, dtype=np.float32)
        limits = self.model.actuator_ctrlrange
        self.data.ctrl[:] = np.clip(to_radians(self.command), limits[:, 0], limits[:, 1])
        for _ in range(self._substeps):
            mujoco.mj_step(self.model, self.data)
        self.ticks += 1
        self.notice_button()

    def notice_button(self) -> None:
        """Light the button once it is pressed deep enough; it stays lit."""
        if not self.button_pressed and self._button_travel() > PRESSED_DEPTH:
            self.light_button(True)

    def light_button(self, lit: bool) -> None:
        """Say whether the button has been pressed, and show it."""
        self.button_pressed = lit
        if BUTTON in self.scene.phrases:
            self.model.geom("dome").rgba = DOME_LIT_RGBA if lit else DOME_RGBA

    def joint_positions(self) -> NDArray[np.float32]:
        """Return measured joint positions (6,), lerobot units."""
        return to_lerobot(self.data.qpos[self.qpos_index])

    def render(self, camera: str) -> NDArray[np.uint8]:
        """Return an RGB frame (H, W, 3).

        Raises:
            UnknownNameError: there is no such camera.
        """
        if camera not in CAMERAS:
            raise UnknownNameError("camera", camera, CAMERAS)
        self.renderer.update_scene(self.data, camera)
        return self.renderer.render()

    @property
    def renderer(self) -> Renderer:
        """What draws the frames; made when it is first needed."""
        if self._renderer is None:
            self._renderer = Renderer(self.model, *self.image_size)
        return self._renderer

    def close(self) -> None:
        """Free the rendering context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    # -- where things are --------------------------------------------------------------------------------------------

    def position(self, phrase: str) -> NDArray[np.float64]:
        """Return an item's centre (3,) [m]; containers and the button are measured at the table."""
        return self.data.body(body_name(phrase)).xpos

    def rotation(self, phrase: str) -> NDArray[np.float64]:
        """Return an item's orientation (3, 3); columns are its axes in the world."""
        return self.data.body(body_name(phrase)).xmat.reshape(3, 3)

    def speed(self, phrase: str) -> float:
        """Return a movable's speed [m/s]."""
        return float(np.linalg.norm(self.data.body(body_name(phrase)).cvel[3:]))

    def hand_position(self) -> NDArray[np.float64]:
        """Return the position of the fingertips' frame (3,) [m]."""
        return self.data.site(HAND_SITE).xpos

    def hand_rotation(self) -> NDArray[np.float64]:
        """Return the orientation of the fingertips' frame (3, 3): x along the fingers, z across the jaws."""
        return self.data.site(HAND_SITE).xmat.reshape(3, 3)

    def _button_travel(self) -> float:
        if BUTTON not in self.scene.phrases:
            return 0.0
        return float(self.data.joint(BUTTON_JOINT).qpos[0])

    # -- predicates --------------------------------------------------------------------------------------------------

    def holds(self, phrase: str) -> bool:
        """Whether both jaws touch the object."""
        return self._touching(phrase) >= set(self._jaws)

    def touches(self, phrase: str) -> bool:
        """Whether any part of the gripper touches the object."""
        return bool(self._touching(phrase))

    def _touching(self, phrase: str) -> set[int]:
        body = self.model.body(body_name(phrase)).id
        touching: set[int] = set()
        for contact in self.data.contact:
            first, second = (int(self.model.geom_bodyid[geom]) for geom in contact.geom)
            if body in (first, second):
                other = second if first == body else first
                if other in self._jaws:
                    touching.add(other)
        return touching

    def inside(self, phrase: str, container: str) -> bool:
        """Whether an object lies in or on a container, let go."""
        kind = self.scene.item(container).kind
        offset = self.position(phrase) - self.position(container)
        near = np.hypot(*offset[:2]) < INNER_RADIUS[kind]
        if kind == "box":
            local = self.rotation(container).T @ offset
            near = bool(np.abs(local[:2]).max() < INNER_RADIUS[kind])
        low = offset[2] < max(WALL_HEIGHT[kind], 2 * HALF_SIZE) + 2.5 * HALF_SIZE
        return bool(near and low and not self.touches(phrase))

    def stacked(self, phrase: str, base: str) -> bool:
        """Whether an object rests on another one, let go."""
        offset = self.position(phrase) - self.position(base)
        return bool(
            np.hypot(*offset[:2]) < 1.6 * HALF_SIZE
            and abs(offset[2] - 2 * HALF_SIZE) < 0.006
            and not self.touches(phrase)
        )

    def displacement(self, phrase: str) -> NDArray[np.float64]:
        """Return how far an object has moved on the table since the start of the episode (2,) [m]."""
        return (self.position(phrase) - self.start_positions[phrase])[:2]

    def supported_height(self, phrase: str) -> float:
        """Return the height of what an item offers to put things on [m]."""
        item = self.scene.item(phrase)
        return float(self.position(phrase)[2] + HALF_SIZE) if item.movable else FLOOR_HEIGHT

    # -- pictures ----------------------------------------------------------------------------------------------------

    def box(self, phrase: str) -> Box | None:
        """Return the box around an item in the front camera, hidden parts included; None if it is out of view."""
        return self._box(self.position(phrase) + self._outline(phrase) @ self.rotation(phrase).T)

    def moved_box(self, phrase: str, offset: NDArray[np.float64]) -> Box | None:
        """Return the box of an item moved over the table by ``offset`` (2,) [m] from where it stood at the start."""
        yaw = self.scene.item(phrase).yaw
        turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
        return self._box(self.start_positions[phrase] + [*offset, 0.0] + self._outline(phrase) @ turn.T)

    def _box(self, points: NDArray[np.float64]) -> Box | None:
        pixels = self.project(points)
        if pixels is None:
            return None
        low, high = np.clip(pixels.min(axis=0), 0, 1), np.clip(pixels.max(axis=0), 0, 1)
        if (high - low).min() < 1e-3:
            return None
        return Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]), FRONT_CAMERA)

    def project(self, points: NDArray[np.float64], camera: str = FRONT_CAMERA) -> NDArray[np.float64] | None:
        """Project world points (k, 3) into a camera: (k, 2), 0-1 inside the frame; None if one is behind it."""
        pose = self.data.camera(camera)
        local = (points - pose.xpos) @ pose.xmat.reshape(3, 3)  # (k, 3), the camera looks along -z
        if (local[:, 2] > -1e-3).any():
            return None
        height, width = self.image_size
        scale = 0.5 / np.tan(np.deg2rad(self.model.camera(camera).fovy[0]) / 2)
        u = 0.5 + scale * (height / width) * local[:, 0] / -local[:, 2]
        v = 0.5 - scale * local[:, 1] / -local[:, 2]
        return np.stack([u, v], axis=1)

    def _outline(self, phrase: str) -> NDArray[np.float64]:
        """Return points (k, 3) that span an item, relative to its position and in its own axes [m]."""
        item = self.scene.item(phrase)
        if item.kind in ("cube", "box", BUTTON):
            half = {"cube": (HALF_SIZE,) * 3, "box": (0.0475, 0.0475, WALL_HEIGHT["box"] / 2), BUTTON: HOUSING_HALF}
            x, y, z = half[item.kind]
            local = np.array([[i * x, j * y, k * z] for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)])
            lift = 0.0 if item.movable else z
        else:
            angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
            circle = RADII[item.kind] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
            z = HALF_SIZE if item.movable else WALL_HEIGHT[item.kind] / 2
            local = np.concatenate([np.column_stack([circle, np.full(16, s * z)]) for s in (-1, 1)])
            lift = 0.0 if item.movable else z
        return local + [0, 0, lift]
