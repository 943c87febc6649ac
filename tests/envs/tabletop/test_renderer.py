from __future__ import annotations

import gc

import numpy as np
import pytest

from envs.tabletop.simulation import TabletopSimulation


def rendered(seed: int) -> TabletopSimulation:
    simulation = TabletopSimulation(image_size=(64, 64))
    simulation.reset("pick", seed)
    simulation.world.render("front")
    return simulation


@pytest.mark.parametrize("closed", [True, False])
def test_a_simulation_that_ends_leaves_the_frames_of_another_alone(closed: bool) -> None:
    other, simulation = rendered(1), rendered(2)
    expected = simulation.world.render("front").copy()
    if closed:
        other.close()
    del other
    gc.collect()
    np.testing.assert_array_equal(simulation.world.render("front"), expected)
