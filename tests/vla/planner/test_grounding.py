"""Things are found where they are drawn or rendered, and followed from frame to frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vla.planner.drawing import RGB, VIEW, blank, bowl, button, movable, plate
from vla.planner.grounding import Detector
from vla.planner.grounding.tracker import Tracker
from vla.types import Box

DETECTOR = Detector()
near = st.floats(0.16, 0.30)
aside = st.floats(-0.16, 0.16)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box.x1 - box.x0) * (box.y1 - box.y0) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


@given(near, aside, st.floats(0, 0.1))
def test_a_point_is_found_again_from_its_pixel(x: float, y: float, z: float):
    ((u, v),) = VIEW.project(np.array([[x, y, z]]))
    assert VIEW.on_table(u, v, z) == pytest.approx([x, y], abs=1e-9)


def test_directions_are_those_of_the_picture():
    here = np.array([0.2, 0.0])
    ((u, v),) = VIEW.project(np.array([[*here, 0.0]]))
    for name, sign in (("left", (-1, 0)), ("right", (1, 0)), ("front", (0, 1)), ("back", (0, -1))):
        ((u1, v1),) = VIEW.project(np.array([[*(here + 0.01 * VIEW.direction(name)), 0.0]]))
        assert np.sign(np.round([u1 - u, v1 - v], 6)).tolist() == list(sign), name


@given(near, aside, st.sampled_from(["left", "right", "front", "back"]))
@settings(max_examples=30, deadline=None)
def test_a_moved_box_is_the_box_of_the_moved_thing(x: float, y: float, direction: str):
    def seen(x: float, y: float) -> Box:
        corners = np.array([[i, j, k] for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)]) * 0.0125
        pixels = VIEW.project(corners + [x, y, 0.0125])
        (x0, y0), (x1, y1) = np.clip([pixels.min(axis=0), pixels.max(axis=0)], 0, 1)  # as far as it is in the frame
        return Box(x0, y0, x1, y1)

    offset = 0.05 * VIEW.direction(direction)
    moved = VIEW.moved_box(seen(x, y), offset, 0.0125)
    assert moved is not None
    assert overlap(moved, seen(x + offset[0], y + offset[1])) > 0.85
    assert VIEW.moved_box(seen(x, y), 2.0 * VIEW.direction("left"), 0.0125) is None


@given(near, aside, st.sampled_from(sorted(RGB)), st.sampled_from(["cube", "cylinder"]), st.floats(0.0, 1.5))
@settings(max_examples=60, deadline=None)
def test_a_coloured_object_is_found_where_it_is(x: float, y: float, colour: str, shape: str, yaw: float):
    image = blank()
    movable(image, f"{colour} {shape}", x, y, yaw)
    (found,) = DETECTOR.coloured(image)
    assert found.colour == colour
    u, v = found.box.center
    assert VIEW.on_table(u, v, 0.0125) == pytest.approx([x, y], abs=0.008)


def test_cubes_and_cylinders_are_told_apart():
    rng = np.random.default_rng(0)
    right = 0
    for index in range(200):
        image = blank()
        phrase = f"red {('cube', 'cylinder')[index % 2]}"
        movable(image, phrase, rng.uniform(0.16, 0.30), rng.uniform(-0.16, 0.16), rng.uniform(0, 1.5))
        (found,) = DETECTOR.coloured(image)
        right += found.phrase == phrase
    assert right >= 190


@pytest.mark.parametrize("table", [(150, 130, 105), (120, 120, 120), (170, 168, 162), (90, 80, 50)])
def test_containers_and_button_are_found_on_any_table(table: tuple[int, int, int]):
    image = blank(table)
    bowl(image, 0.22, 0.12)
    plate(image, 0.22, -0.10)
    button(image, 0.28, 0.02)
    found = {thing.phrase: thing.box for thing in DETECTOR.all_things(image)}
    assert set(found) == {"bowl", "plate", "button"}
    for phrase, place in (("bowl", (0.22, 0.12)), ("plate", (0.22, -0.10)), ("button", (0.28, 0.02))):
        u, v = found[phrase].center
        assert VIEW.on_table(u, v, 0.01) == pytest.approx(place, abs=0.012)


def test_an_empty_table_shows_nothing():
    assert DETECTOR.all_things(blank()) == []


def test_of_two_objects_of_a_colour_the_larger_is_the_cube():
    image = blank()
    movable(image, "red cube", 0.2, -0.05)
    movable(image, "red cylinder", 0.2, 0.05)
    found = {thing.phrase: thing.box.center[0] for thing in DETECTOR.all_things(image)}
    assert set(found) == {"red cube", "red cylinder"}
    assert found["red cube"] < found["red cylinder"]


def test_a_pressed_button_is_lit():
    dark, lit = blank(), blank()
    button(dark, 0.25, 0.0)
    button(lit, 0.25, 0.0, lit=True)
    box = next(thing.box for thing in DETECTOR.all_things(dark))
    assert not DETECTOR.pressed(dark, box)
    assert DETECTOR.pressed(lit, box)


def test_the_tracker_follows_and_keeps_what_is_hidden():
    before, after, hidden = blank(), blank(), blank()
    movable(before, "red cube", 0.2, 0.0)
    movable(after, "red cube", 0.2, 0.06)
    tracker = Tracker(DETECTOR, DETECTOR.all_things(before))
    start = tracker.box("red cube")
    tracker.update(after, at_ready=False)
    moved = tracker.box("red cube")
    assert start is not None
    assert moved is not None
    assert moved.center[0] > start.center[0] + 0.08
    assert tracker.visible("red cube")
    tracker.update(hidden, at_ready=False)
    assert tracker.box("red cube") == moved
    assert not tracker.visible("red cube")
    assert tracker.box("blue cube") is None


def test_the_tracker_tells_twins_apart_by_where_they_were():
    before, after = blank(), blank()
    movable(before, "red cube", 0.2, -0.06)
    movable(before, "red cylinder", 0.2, 0.06)
    movable(after, "red cube", 0.2, -0.02)
    movable(after, "red cylinder", 0.2, 0.06)
    tracker = Tracker(DETECTOR, DETECTOR.all_things(before))
    tracker.update(after, at_ready=False)
    cube, cylinder = tracker.box("red cube"), tracker.box("red cylinder")
    assert cube is not None
    assert cylinder is not None
    assert cube.center[0] < cylinder.center[0]
    assert VIEW.on_table(*cube.center, 0.0125) == pytest.approx([0.2, -0.02], abs=0.008)


@pytest.mark.slow
def test_rendered_scenes_are_grounded():
    """At least 95% of the scenes exactly, every box with IoU >= 0.5; 30 scenes of the tabletop suite."""
    from envs.suites import load_suite

    suite = load_suite("tabletop")
    simulation = suite.make()
    scenes = exact = boxes = good = 0
    for seed in range(900_000, 900_030):
        simulation.reset(list(suite.tasks)[seed % len(suite.tasks)], seed)
        world = simulation.world  # type: ignore[attr-defined]
        found = {thing.phrase: thing.box for thing in DETECTOR.all_things(simulation.observe().images["front"])}
        scenes += 1
        exact += set(found) == set(world.scene.phrases)
        for phrase in set(found) & set(world.scene.phrases):
            boxes += 1
            good += overlap(found[phrase], world.box(phrase)) >= 0.5
    simulation.close()
    assert exact >= 0.95 * scenes
    assert good == boxes
