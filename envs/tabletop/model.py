"""Builds the MuJoCo model of a scene: arm, table, things, lights and cameras."""

from __future__ import annotations

import mujoco
import numpy as np

from envs.tabletop.arm import arm_spec
from envs.tabletop.scene import COLOUR_RGB, HALF_SIZE, Appearance, Item, Scene
from vla.language import BUTTON

PHYSICS_HZ = 240
FRONT_CAMERA = "front"
CAMERA_POSITION = np.array([0.60, 0.0, 0.46])
CAMERA_TARGET = np.array([0.185, 0.0, 0.03])
CAMERA_FOVY = 44.0
"""Vertical field of view of the front camera [deg]."""

BOWL_RGBA = (0.95, 0.95, 0.93, 1.0)
PLATE_RGBA = (0.10, 0.10, 0.11, 1.0)
BOX_RGBA = (0.45, 0.27, 0.13, 1.0)
HOUSING_RGBA = (0.95, 0.95, 0.95, 1.0)
DOME_RGBA = (0.06, 0.06, 0.06, 1.0)
DOME_LIT_RGBA = (1.0, 0.95, 0.75, 1.0)

WALL_HEIGHT = {"bowl": 0.030, "box": 0.030, "plate": 0.007}
"""Height of a container's rim above the table [m]."""
INNER_RADIUS = {"bowl": 0.047, "box": 0.045, "plate": 0.052}
"""Radius within which a thing's centre counts as inside [m]."""
FLOOR_HEIGHT = 0.003
"""Thickness of a container's floor [m]."""
HOUSING_HALF = (0.021, 0.021, 0.007)
DOME_RADIUS = 0.012
DOME_TRAVEL = 0.005
"""How far the button can be pressed [m]."""
PRESSED_DEPTH = 0.003
"""Travel at which the button switches [m]."""
BUTTON_JOINT = "button_travel"

_FRICTION = [1.0, 0.02, 0.0005]
_BOX = mujoco.mjtGeom.mjGEOM_BOX
_CYLINDER = mujoco.mjtGeom.mjGEOM_CYLINDER


def body_name(phrase: str) -> str:
    """Return the MuJoCo body of an item."""
    return phrase.replace(" ", "_")


def build_model(scene: Scene, *, level: str = "medium", shadows: bool = False, samples: int = 0) -> mujoco.MjModel:
    """Compile the scene.

    Args:
        scene: what stands where, and how it looks.
        level: level of detail of the arm's meshes.
        shadows: cast shadows; ten times slower in software rendering.
        samples: multisampling; 0 is by far the fastest in software rendering.
    """
    spec = arm_spec(level)
    option = spec.option
    option.timestep = 1.0 / PHYSICS_HZ
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    option.impratio = 10
    spec.visual.quality.offsamples = samples
    spec.visual.quality.shadowsize = 2048 if shadows else 0
    getattr(spec.visual, "global").offwidth = 1024
    getattr(spec.visual, "global").offheight = 1024
    _add_surroundings(spec, scene.appearance, shadows)
    for item in scene.items:
        _ADDERS[item.kind](spec.worldbody, item)
        if item.kind == BUTTON:
            spec.add_exclude(bodyname1=body_name(item.phrase), bodyname2="dome")
    return spec.compile()


def _add_surroundings(spec: mujoco.MjSpec, look: Appearance, shadows: bool) -> None:
    spec.add_texture(
        name="table",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=getattr(mujoco.mjtBuiltin, f"mjBUILTIN_{look.table_texture.upper()}"),
        rgb1=look.table_rgb,
        rgb2=look.table_rgb2,
        width=64,
        height=64,
    )
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_FLAT,
        rgb1=np.array(look.table_rgb2) * 0.5,
        rgb2=np.array(look.table_rgb2) * 0.5,
        width=16,
        height=16,
    )
    material = spec.add_material(name="table", texrepeat=[6, 6] if look.table_texture == "checker" else [1, 1])
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "table"
    spec.worldbody.add_geom(
        name="table",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0.8, 0.8, 0.05],
        pos=[0.2, 0, 0],
        material="table",
        friction=_FRICTION,
    )
    ambient = look.ambient
    spec.visual.headlight.ambient = [ambient] * 3
    spec.visual.headlight.diffuse = [0.2] * 3
    spec.visual.headlight.specular = [0.0] * 3
    aim = np.array([0.2, 0.0, 0.0]) - np.array(look.light_position)
    spec.worldbody.add_light(
        pos=look.light_position,
        dir=aim / np.linalg.norm(aim),
        diffuse=[look.light_diffuse] * 3,
        specular=[0.1] * 3,
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        castshadow=shadows,
    )
    position = CAMERA_POSITION + np.array(look.camera_shift)
    target = CAMERA_TARGET + np.array([*look.camera_tilt, 0.0])
    spec.worldbody.add_camera(name=FRONT_CAMERA, pos=position, xyaxes=_look_at(position, target), fovy=CAMERA_FOVY)


def _look_at(position: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return a camera's x and y axes (6,) so that it looks from ``position`` to ``target`` with the horizon level."""
    back = (position - target) / np.linalg.norm(position - target)
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    return np.concatenate([right, np.cross(back, right)])


def _add_body(world: mujoco.MjsBody, item: Item, height: float = 0.0) -> mujoco.MjsBody:
    half = item.yaw / 2
    return world.add_body(
        name=body_name(item.phrase), pos=[item.x, item.y, height], quat=[np.cos(half), 0, 0, np.sin(half)]
    )


def _add_movable(world: mujoco.MjsBody, item: Item) -> None:
    body = _add_body(world, item, HALF_SIZE)
    body.add_freejoint(name=body_name(item.phrase))
    is_cube = item.kind == "cube"
    assert item.colour is not None
    body.add_geom(
        type=_BOX if is_cube else _CYLINDER,
        size=[HALF_SIZE] * 3 if is_cube else [HALF_SIZE, HALF_SIZE, 0],
        rgba=[*COLOUR_RGB[item.colour], 1.0],
        mass=0.02,
        condim=6,  # with rolling friction: what has toppled comes to rest
        friction=_FRICTION,
    )


def _add_bowl(world: mujoco.MjsBody, item: Item) -> None:
    body = _add_body(world, item)
    floor, rim, height = 0.036, 0.052, WALL_HEIGHT["bowl"]
    _add_floor(body, _CYLINDER, [floor, FLOOR_HEIGHT / 2, 0], BOWL_RGBA)
    _add_ring(body, floor, rim, height, 14, BOWL_RGBA)


def _add_plate(world: mujoco.MjsBody, item: Item) -> None:
    body = _add_body(world, item)
    _add_floor(body, _CYLINDER, [0.052, FLOOR_HEIGHT / 2, 0], PLATE_RGBA)
    _add_ring(body, 0.051, 0.056, WALL_HEIGHT["plate"], 16, PLATE_RGBA)


def _add_box(world: mujoco.MjsBody, item: Item) -> None:
    body = _add_body(world, item)
    half, height, wall = 0.046, WALL_HEIGHT["box"], 0.0015
    _add_floor(body, _BOX, [half, half, FLOOR_HEIGHT / 2], BOX_RGBA)
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        body.add_geom(
            type=_BOX,
            pos=[x * half, y * half, height / 2],
            size=[wall if x else half, wall if y else half, height / 2],
            rgba=BOX_RGBA,
            friction=_FRICTION,
        )


def _add_floor(body: mujoco.MjsBody, shape: mujoco.mjtGeom, size: list[float], rgba: tuple[float, ...]) -> None:
    body.add_geom(type=shape, size=size, pos=[0, 0, FLOOR_HEIGHT / 2], rgba=rgba, friction=_FRICTION)


def _add_ring(
    body: mujoco.MjsBody, bottom: float, top: float, height: float, count: int, rgba: tuple[float, ...]
) -> None:
    """Add a wall of ``count`` slabs that leans from radius ``bottom`` on the table to radius ``top`` at ``height``."""
    lean = np.arctan2(top - bottom, height)
    length = np.hypot(top - bottom, height)
    middle = (bottom + top) / 2
    for angle in np.arange(count) * 2 * np.pi / count:
        around = np.array([np.cos(angle / 2), 0, 0, np.sin(angle / 2)])
        outward = np.array([np.cos(lean / 2), 0, np.sin(lean / 2), 0])
        quat = np.zeros(4)
        mujoco.mju_mulQuat(quat, around, outward)
        body.add_geom(
            type=_BOX,
            pos=[middle * np.cos(angle), middle * np.sin(angle), height / 2],
            quat=quat,
            size=[0.0015, middle * np.tan(np.pi / count) + 0.001, length / 2],
            rgba=rgba,
            friction=_FRICTION,
        )


def _add_button(world: mujoco.MjsBody, item: Item) -> None:
    body = _add_body(world, item)
    body.add_geom(type=_BOX, size=HOUSING_HALF, pos=[0, 0, HOUSING_HALF[2]], rgba=HOUSING_RGBA, friction=_FRICTION)
    dome = body.add_body(name="dome", pos=[0, 0, 2 * HOUSING_HALF[2]])
    dome.add_joint(
        name=BUTTON_JOINT,
        type=mujoco.mjtJoint.mjJNT_SLIDE,
        axis=[0, 0, -1],
        range=[0, DOME_TRAVEL],
        limited=True,
        stiffness=150,
        damping=2,
        springref=-0.002,
        armature=0.01,
    )
    dome.add_geom(
        name="dome", type=_CYLINDER, size=[DOME_RADIUS, 0.006, 0], rgba=DOME_RGBA, mass=0.01, friction=_FRICTION
    )


_ADDERS = {
    "cube": _add_movable,
    "cylinder": _add_movable,
    "bowl": _add_bowl,
    "plate": _add_plate,
    "box": _add_box,
    BUTTON: _add_button,
}
