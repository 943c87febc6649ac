import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vla.rest import Rest

POSE = [10.0, 20.0, 30.0]


def seen(*offsets: float, gripper: float = 0.0) -> Rest:
    rest = Rest(left=10.0, back=6.0)
    for offset in (0.0, *offsets):
        rest.see(np.array([POSE[0] + offset, POSE[1], POSE[2] + gripper], np.float32))
    return rest


@given(st.lists(st.floats(-40, 40), min_size=1))
def test_has_left_once_it_was_far_away_and_is_there_when_it_is_near(offsets: list[float]) -> None:
    rest = seen(*offsets)
    away = np.abs(np.array([POSE[0] + offset for offset in offsets], np.float32) - np.float32(POSE[0]))
    assert rest.has_left == bool((away >= 10).any())
    assert rest.there == bool(away[-1] <= 6)


def test_the_gripper_may_hold_something() -> None:
    rest = seen(0.0, gripper=50.0)
    assert rest.there and not rest.has_left


def test_another_attempt_begins_at_the_same_rest() -> None:
    rest = seen(20.0, 0.0)
    assert rest.has_left and rest.there
    rest.begin()
    assert not rest.has_left
    rest.see(np.array([POSE[0] + 20, *POSE[1:]], np.float32))
    assert rest.has_left and not rest.there
