import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from envs.tabletop.units import GRIPPER_RANGE, to_lerobot, to_radians


@given(st.lists(st.floats(-3, 3), min_size=6, max_size=6))
def test_units_round_trip(angles):
    np.testing.assert_allclose(to_radians(to_lerobot(np.array(angles))), angles, atol=1e-5)


def test_gripper_is_0_closed_and_100_open():
    closed, opened = np.zeros(6), np.zeros(6)
    closed[5], opened[5] = GRIPPER_RANGE
    assert to_lerobot(closed)[5] == 0 and to_lerobot(opened)[5] == 100
