"""How much of each thing the front camera sees."""

from __future__ import annotations

from contextlib import contextmanager

import cv2
import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.tabletop.model import FRONT_CAMERA, body_name
from envs.tabletop.world import World

_ALONE = 1
"""Group of geoms that is drawn when a thing is drawn alone; all others are in another group."""


def visible_fractions(world: World) -> dict[str, float]:
    """Return phrase -> part of the thing that the front camera sees [0-1], out of the frame 0.

    The pixels that show the thing in a picture of everything are counted against those that show it in a picture of
    nothing else, both drawn by identity at the size of the frames: a cube has some 60 of them at 128² px, so the
    number is good to a few percent. What lies outside the frame counts in neither picture.
    """
    model = world.model
    shown = segment(world, FRONT_CAMERA)
    table = shown == model.geom("table").id
    groups = model.geom_group.copy()
    roots = model.body_rootid[model.geom_bodyid]
    option = mujoco.MjvOption()
    option.geomgroup[:] = 0
    option.geomgroup[_ALONE] = 1
    fractions: dict[str, float] = {}
    try:
        for phrase in world.scene.phrases:
            own = roots == model.body(body_name(phrase)).id
            seen = np.isin(shown, np.flatnonzero(own))
            if seen.any() and _stands_free(seen, table):
                fractions[phrase] = 1.0
                continue
            model.geom_group[:] = np.where(own, _ALONE, 0)
            whole = (segment(world, FRONT_CAMERA, option) >= 0).sum()
            fractions[phrase] = float(seen.sum() / whole) if whole else 0.0
    finally:
        model.geom_group[:] = groups
    return {phrase: min(1.0, fraction) for phrase, fraction in fractions.items()}


def segment(world: World, camera: str, option: mujoco.MjvOption | None = None) -> NDArray[np.int32]:
    """Return which geom each pixel of a camera shows (H, W); -1 for none."""
    with _by_identity(world):
        world.renderer.update_scene(world.data, camera, option)
        identity, kind = np.moveaxis(world.renderer.render(), -1, 0)
    return np.where(kind == int(mujoco.mjtObj.mjOBJ_GEOM), identity, -1)


def _stands_free(seen: NDArray[np.bool_], table: NDArray[np.bool_]) -> bool:
    """Whether only table surrounds the pixels (H, W) of a thing: what hides a part of it would border on the rest."""
    around = cv2.dilate(seen.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~seen
    return bool(table[around].all())


@contextmanager
def _by_identity(world: World):
    world.renderer.enable_segmentation_rendering()
    try:
        yield
    finally:
        world.renderer.disable_segmentation_rendering()
