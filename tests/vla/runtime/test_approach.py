import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vla.runtime.approach import NEAR, SETTLE_SECONDS, Approach, Preparation, distance
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
        later = way.next(state, sent, distance(state, pose) / 60.0 + 0.5)
        assert later is not None
        np.testing.assert_allclose(later[moving], 0.0, atol=1e-9)
        np.testing.assert_array_equal(later[list(staying)], sent[list(staying)])
        assert way.next(state, sent, 100.0) is None and way.over
        way.restart()
        assert way.next(state, sent, 100.0) is not None


def test_the_gripper_goes_to_where_a_subgoal_begins_and_the_other_joints_stay_as_they_were_told():
    preparation = Preparation(np.zeros(3))
    preparation.begin(Subgoal("pick up the red cube", "pick", "red cube", grip=38.0))
    state, sent = np.array([1.0, 2.0, 8.0]), np.array([1.5, 2.5, 0.0])
    path = [preparation.next(state, sent, time) for time in (0.0, 0.25, 1.0)]
    np.testing.assert_allclose(np.array(path, float), [[1.5, 2.5, 8.0], [1.5, 2.5, 23.0], [1.5, 2.5, 38.0]])
    assert preparation.next(state, sent, 2.0) is None and preparation.over
    preparation.begin(Subgoal("pick up the red cube", "pick", "red cube"))
    assert preparation.over


def test_without_a_pose_there_is_no_way():
    way = Preparation(None)
    assert way.over
    assert way.next(np.ones(3), None, 0.0) is None
