from __future__ import annotations

import gc
import threading

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


def test_a_simulation_may_be_collected_in_any_thread() -> None:
    simulation = rendered(1)
    expected = simulation.world.render("front").copy()
    holder = [simulation]
    del simulation

    def collect() -> None:
        holder.clear()
        gc.collect()

    thread = threading.Thread(target=collect)
    thread.start()
    thread.join()
    np.testing.assert_array_equal(rendered(1).world.render("front"), expected)
