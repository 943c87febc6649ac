import mujoco
import numpy as np
import pytest

from envs.tabletop.experts.kinematics import HandKinematics
from envs.tabletop.scene import HALF_SIZE, Item, Scene
from envs.tabletop.world import CAMERAS, READY_POSE, World, substeps
from vla.errors import ControlRateError, UnknownNameError


@pytest.fixture
def world():
    scene = Scene((Item("red cube", 0.22, 0.05, 0.3), Item("bowl", 0.24, -0.08, 0.0), Item("button", 0.17, 0.12, 0.0)))
    world = World(scene)
    yield world
    world.close()


def test_physics_step_must_divide_the_control_period():
    assert substeps(30.0) == 8
    with pytest.raises(ControlRateError, match=r"1/240 s does not divide the control period of 1/50 s"):
        substeps(50.0)
    with pytest.raises(ControlRateError):
        World(Scene(()), control_hz=500.0)


def test_nothing_can_hold_an_object_but_friction(world):
    model = world.model
    assert model.neq == 0, "no welds or other equality constraints"
    assert model.ntendon == 0 and model.nplugin == 0
    assert model.nu == 6 and {int(kind) for kind in model.actuator_trntype} == {int(mujoco.mjtTrn.mjTRN_JOINT)}, (
        "no adhesion actuators"
    )
    assert not model.body_gravcomp.any()


def test_arm_rests_at_the_ready_pose(world):
    for _ in range(60):
        world.step(READY_POSE)
    np.testing.assert_allclose(world.joint_positions(), READY_POSE, atol=4.0)


def test_a_toppled_cylinder_rolls_and_comes_to_rest():
    world = World(Scene((Item("red cylinder", 0.22, 0.05, 0.0),)))
    joint = world.data.joint("red_cylinder")
    joint.qpos[3:] = [np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0]  # on its side
    speed, radius = 0.05, HALF_SIZE
    joint.qvel[:] = [speed, 0, 0, 0, 0, -speed / radius]  # turned in its own axes, whose z points along -y
    speeds = []
    for _ in range(60):
        world.step(READY_POSE)
        speeds.append(float(np.hypot(*joint.qvel[:2])))
    world.close()
    assert speeds[1] > 0.3 * speed, "it rolls"
    assert speeds[-1] < 0.002, "it stops"


def test_projection_finds_the_cube_in_the_picture(world):
    frame = world.render("front").astype(int)
    reddish = (frame[..., 0] > 90) & (frame[..., 1] < 60) & (frame[..., 2] < 60)
    rows, columns = np.nonzero(reddish)
    box = world.box("red cube")
    assert box is not None
    height, width = world.image_size
    seen = np.array(
        [columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height]
    )
    np.testing.assert_allclose([box.x0, box.y0, box.x1, box.y1], seen, atol=1.5 / width)


def test_left_in_the_picture_is_negative_y(world):
    left, right = world.project(np.array([[0.2, -0.1, 0.0], [0.2, 0.1, 0.0]]))
    assert left[0] < right[0]


def test_unknown_camera(world):
    with pytest.raises(UnknownNameError, match=r"'top'.*front, wrist"):
        world.render("top")


def test_both_cameras_see_something(world):
    for camera in CAMERAS:
        assert world.render(camera).std() > 10


def test_kinematics_reach_where_things_stand():
    hand = HandKinematics()
    for radius in (0.14, 0.20, 0.25):
        for yaw in (-0.7, 0.0, 0.7):
            hand.set_joints(READY_POSE)
            target = np.array([0.0388 + radius, 0.0, 0.0125])
            hand.solve(target, yaw, iterations=80)
            np.testing.assert_allclose(hand.hand_position(), target, atol=1e-3)
