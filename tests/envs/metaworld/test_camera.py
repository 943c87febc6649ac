"""The camera against MuJoCo's own pixels, and against lerobot's environment."""

from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from envs.metaworld import camera
from envs.metaworld.package import prepare
from envs.metaworld.simulation import MetaworldSimulation
from envs.metaworld.world import scene_seed

pytest.importorskip("metaworld", reason="the package metaworld is optional: see docs/benchmarks/metaworld.md")

TOLERANCE = 1.0
"""[px]"""


@pytest.fixture
def simulation():
    simulation = MetaworldSimulation(image_size=(240, 240), supersample=1)
    yield simulation
    simulation.close()


def drawn_at(simulation, point):
    """Return the pixel (x, y) of the middle of a small sphere that is drawn over the scene."""
    import mujoco  # after envs.metaworld, which chooses what it renders with

    world = simulation.world
    before = world.render().astype(int)
    renderer = world.renderer
    renderer.update_scene(world.data, camera.CAMERA)
    scene = renderer.scene
    mujoco.mjv_initGeom(
        scene.geoms[scene.ngeom],
        mujoco.mjtGeom.mjGEOM_SPHERE,
        np.full(3, 0.01),
        np.asarray(point, float),
        np.eye(3).ravel(),
        np.array([1, 0, 1, 1], np.float32),
    )
    scene.ngeom += 1
    changed = np.abs(camera.upright(renderer.render()).astype(int) - before).sum(-1) > 60
    rows, columns = np.nonzero(changed)
    assert len(rows) > 8
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5])


def projected(matrix, point):
    x, y, depth = matrix @ np.append(point, 1.0)
    return np.array([x, y]) / depth


@pytest.mark.parametrize("point", [(0.1, 0.75, 0.1), (0.25, 0.7, 0.35), (-0.2, 0.5, 0.4)])
def test_projection_agrees_with_what_is_drawn(simulation, point):
    simulation.reset("reach-v3", 0)
    pixel = 240 * projected(camera.projection(simulation.world.data), point)
    np.testing.assert_allclose(pixel, drawn_at(simulation, point), atol=TOLERANCE)


@pytest.mark.parametrize("task", ["reach-v3", "shelf-place-v3", "door-open-v3", "basketball-v3"])
def test_the_experiments_projection_is_this_camera_at_the_fingertips(simulation, task):
    configured = np.array(OmegaConf.load("configs/experiment/metaworld.yaml").policy.crop_projection)
    simulation.reset(task, 0)
    expected = camera.projection(simulation.world.data, below=camera.LOOK_BELOW)
    np.testing.assert_allclose(configured, expected, atol=1e-5)
    hand = simulation.observe(images=False).state[:3]
    fingertips = (
        simulation.world.data.site("leftEndEffector").xpos + simulation.world.data.site("rightEndEffector").xpos
    ) / 2
    seen = projected(camera.projection(simulation.world.data), fingertips)
    np.testing.assert_allclose(240 * projected(configured, hand), 240 * seen, atol=TOLERANCE)


def test_supersampling_shows_the_same_scene(simulation):
    simulation.reset("reach-v3", 0)
    fine = MetaworldSimulation(image_size=(240, 240), supersample=2)
    fine.reset("reach-v3", 0)
    one, other = simulation.world.render(), fine.world.render()
    fine.close()
    assert one.shape == other.shape == (240, 240, 3)
    assert np.abs(one.astype(int) - other).mean() < 3


@pytest.mark.slow
def test_frames_states_and_sentences_are_those_of_lerobots_environment():
    from lerobot.envs.metaworld import MetaworldEnv

    prepare()
    theirs: Any = MetaworldEnv("push-v3", obs_type="pixels_agent_pos")
    expected, _ = theirs.reset(seed=scene_seed("push-v3", 11))
    simulation = MetaworldSimulation(image_size=(480, 480), supersample=1, shadows=True)
    simulation.reset("push-v3", 11)
    observation = simulation.observe(images=False)
    np.testing.assert_allclose(observation.state, expected["agent_pos"], atol=1e-6)
    assert simulation.instruction == theirs.task_description
    action = np.array([0.3, -0.5, 0.2, 1.0], np.float32)
    for _ in range(3):
        simulation.step(action)
        theirs._env.step(action)
    np.testing.assert_allclose(simulation.world.data.qpos, theirs._env.data.qpos, atol=1e-9)
    difference = np.abs(simulation.observe().images["corner2"].astype(int) - theirs.render())
    assert difference.mean() < 0.05
    theirs.close()
    simulation.close()
