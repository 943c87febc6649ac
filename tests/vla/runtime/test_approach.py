from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vla.runtime.approach import LARGEST_CORRECTION, NEAR, SETTLE_SECONDS, SPEED, Approach, Preparation, distance
from vla.types import Subgoal

poses = arrays(np.float64, 3, elements=st.floats(-100, 100))


@given(poses, poses, st.floats(1, 100), st.floats(0, 50))
def test_a_straight_line_is_no_faster_than_it_may_be_and_ends_at_the_pose(start, pose, speed, begun):
    way = Approach(start, pose, speed, begun)
    seconds = distance(start, pose) / speed
    times = begun + np.linspace(0, seconds + SETTLE_SECONDS / 2, 20)
    path = np.stack([way.at(time) for time in times])
    np.testing.assert_allclose(path[0], start)
    np.testing.assert_allclose(path[-1], pose, atol=1e-9)
    assert np.abs(np.diff(path, axis=0)).max() <= speed * np.diff(times)[0] + 1e-6
    assert not any(way.over(time) for time in times)
    assert way.over(begun + seconds + SETTLE_SECONDS + 0.01)


@given(poses, poses, st.sets(st.integers(0, 2)))
def test_joints_without_a_pose_stay_as_they_were_told(state, sent, staying):
    pose = np.zeros(3)
    pose[list(staying)] = np.nan
    way = Preparation(pose)
    target = way.next(state, sent, 0.0)
    moving = [joint for joint in range(3) if joint not in staying]
    near = not moving or np.abs(state[moving]).max() <= NEAR
    assert (target is None) == way.over == near
    if target is not None:
        later = way.next(state, sent, distance(state, pose) / SPEED / 2)
        assert later is not None
        np.testing.assert_allclose(later[moving], state[moving] / 2, atol=1e-9)
        np.testing.assert_array_equal(later[list(staying)], sent[list(staying)])
        assert way.next(state, sent, 100.0) is None and way.over
        way.restart()
        assert way.next(state, sent, 100.0) is not None


PICK = Subgoal("pick up the red cube", "pick", "red cube")
STATE, SENT = np.array([30.0, 2.0, 8.0]), np.array([30.5, 2.5, 0.0])


def test_the_gripper_goes_to_where_a_subgoal_begins_and_the_other_joints_stay_as_they_were_told():
    preparation = Preparation(np.zeros(3))
    preparation.begin(replace(PICK, grip=38.0), again=False)
    path = [preparation.next(STATE, SENT, time) for time in (0.0, 0.25, 0.45)]
    np.testing.assert_allclose(np.array(path, float), [[30.5, 2.5, 8.0], [30.5, 2.5, 23.0], [30.5, 2.5, 35.0]])
    assert preparation.next(np.array([30.0, 2.0, 37.5]), SENT, 0.6) is None and preparation.over
    preparation.begin(PICK, again=False)
    assert preparation.over


@pytest.mark.parametrize(("grip", "gripper"), [(None, 0.0), (38.0, 23.0)])
def test_before_another_attempt_the_arm_goes_back_to_where_it_was_first(grip, gripper):
    preparation = Preparation()
    assert preparation.next(np.zeros(3), None, 0.0) is None
    preparation.begin(replace(PICK, grip=grip), again=True)
    path = [preparation.next(STATE, SENT, time) for time in (1.0, 1.25)]
    np.testing.assert_allclose(np.array(path, float)[1], [15.0, 1.0, gripper], atol=1.0)


def test_what_sags_is_told_to_be_higher_up_to_a_limit():
    pose = np.array([0.0, 10.0, 0.0])
    preparation = Preparation(pose)
    told, sent = [], pose
    for tick in range(30):
        sent = preparation.next(sent - [0.0, 2.0, 0.0], sent, tick / 30)
        if sent is None:
            break
        told.append(sent)
    assert len(told) < 15 and preparation.over
    np.testing.assert_allclose(told[-1], [0.0, 11.0, 0.0], atol=0.3)
    stuck = Preparation(pose)
    path = [stuck.next(np.zeros(3), pose, tick / 30) for tick in range(34)]
    assert max(step[1] for step in path if step is not None) == 10.0 + LARGEST_CORRECTION


def test_where_nobody_has_a_plan_yet_the_arm_is_kept_where_it_is():
    preparation = Preparation(np.zeros(3), lasting=True)
    assert all(preparation.next(np.zeros(3), None, time) is not None for time in (0.0, 1.0, 10.0))
    preparation.begin(PICK, again=False)
    assert preparation.next(np.zeros(3), None, 11.0) is None


def test_without_a_pose_there_is_no_way():
    way = Preparation(None)
    assert way.over
    assert way.next(np.ones(3), None, 0.0) is None
