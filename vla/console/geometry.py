"""The shapes of a MuJoCo model, as the page draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vla.types import ArmDescription

if TYPE_CHECKING:
    import mujoco  # at run time only once the suite has chosen how MuJoCo renders

VISIBLE_GROUPS = 3
"""MuJoCo's viewers show geoms of groups below this."""
SHAPES = {
    "mjGEOM_PLANE": "plane",
    "mjGEOM_SPHERE": "sphere",
    "mjGEOM_CAPSULE": "capsule",
    "mjGEOM_ELLIPSOID": "ellipsoid",
    "mjGEOM_CYLINDER": "cylinder",
    "mjGEOM_BOX": "box",
    "mjGEOM_MESH": "mesh",
}


def describe(model: mujoco.MjModel) -> dict[str, Any]:
    """Return what is seen of a model as JSON.

    ``geoms`` have a shape, MuJoCo's size (3,) [m], colour (4,), and a place on a body: position (3,) [m], quaternion
    (4,). ``meshes`` have vertices (v, 3) [m] and triangles (f, 3), flattened.
    """
    import mujoco

    geoms: list[dict[str, Any]] = []
    meshes: dict[int, dict[str, list]] = {}
    for i in range(model.ngeom):
        shape = SHAPES.get(mujoco.mjtGeom(model.geom_type[i]).name)
        colour = _colour(model, i)
        if shape is None or model.geom_group[i] >= VISIBLE_GROUPS or colour[3] == 0.0:
            continue
        size = model.geom_size[i]
        if shape in ("sphere", "cylinder"):
            size = np.array([size[0], size[0], size[0] if shape == "sphere" else size[1]])
        drawn = "sphere" if shape == "ellipsoid" else shape
        geom: dict[str, Any] = {"shape": drawn, "body": int(model.geom_bodyid[i]), "rgba": _rounded(colour)}
        geom |= {"size": _rounded(size), "pos": _rounded(model.geom_pos[i]), "quat": _rounded(model.geom_quat[i])}
        if shape == "mesh":
            mesh = int(model.geom_dataid[i])
            geom["mesh"] = mesh
            meshes[mesh] = _mesh(model, mesh)
        geoms.append(geom)
    return {"bodies": int(model.nbody), "geoms": geoms, "meshes": meshes}


class ArmPoses:
    """Where the parts of an arm are, from its measured joints: for a real one, of which nothing else is known."""

    def __init__(self, arm: ArmDescription) -> None:
        import mujoco

        self.model = arm.make_spec().compile()
        self._arm, self._data, self._follow = arm, mujoco.MjData(self.model), mujoco.mj_kinematics
        self._qpos = [int(self.model.joint(name).qposadr[0]) for name in arm.joint_names]

    def __call__(self, state: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the poses of the bodies (b, 7) for joint positions (n,), lerobot units."""
        self._data.qpos[self._qpos] = self._arm.to_radians(state)
        self._follow(self.model, self._data)
        return np.concatenate([self._data.xpos, self._data.xquat], axis=1)


def _colour(model: mujoco.MjModel, geom: int) -> NDArray:
    """Return a geom's colour (4,): its own, its material's, or the mean of that one's texture."""
    material = model.geom_matid[geom]
    if material < 0:
        return model.geom_rgba[geom]
    texture = max(model.mat_texid[material])
    if texture < 0:
        return model.mat_rgba[material]
    first, channels = model.tex_adr[texture], model.tex_nchannel[texture]
    count = model.tex_height[texture] * model.tex_width[texture]
    pixels = model.tex_data[first : first + count * channels].reshape(count, channels)[:, :3]
    return np.append(pixels.mean(axis=0) / 255.0, 1.0)


def _mesh(model: mujoco.MjModel, mesh: int) -> dict[str, list]:
    vertices = slice(model.mesh_vertadr[mesh], model.mesh_vertadr[mesh] + model.mesh_vertnum[mesh])
    faces = slice(model.mesh_faceadr[mesh], model.mesh_faceadr[mesh] + model.mesh_facenum[mesh])
    return {
        "vertices": np.round(model.mesh_vert[vertices].ravel().astype(float), 4).tolist(),
        "faces": model.mesh_face[faces].ravel().tolist(),
    }


def _rounded(values: NDArray) -> list[float]:
    return [round(float(value), 5) for value in values]
