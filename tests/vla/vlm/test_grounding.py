"""What is written as text is read back, and what is malformed says why."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla.errors import ConfigError, GroundingError, UnknownNameError
from vla.types import Box
from vla.vlm.grounding import ABSENT, STYLES, Grounding

unit = st.floats(0, 1)
styles = st.sampled_from(STYLES)
bins = st.integers(2, 1024)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    """Any valid box, also slivers."""
    x0, x1 = sorted(draw(st.lists(unit, min_size=2, max_size=2, unique=True)))
    y0, y1 = sorted(draw(st.lists(unit, min_size=2, max_size=2, unique=True)))
    return Box(x0, y0, x1, y1)


def edges(box: Box) -> np.ndarray:
    return np.array([box.x0, box.y0, box.x1, box.y1])


@given(boxes(), styles, bins)
@settings(deadline=None)
def test_a_box_is_read_back_to_within_a_bin(box: Box, style: str, count: int) -> None:
    grounding = Grounding(style, count)
    text = grounding.write_box(box)
    read = grounding.read_box(f"the red cube is at {text}.")
    width = 1 / (count - 1)
    assert np.abs(edges(read) - edges(box)).max() <= width + 1e-9
    wide = [box.x1 - box.x0 > width, box.y1 - box.y0 > width]
    if all(wide):
        assert np.abs(edges(read) - edges(box)).max() <= width / 2 + 1e-9
    assert grounding.write_box(read) == text


@given(unit, unit, styles, bins)
@settings(deadline=None)
def test_a_point_is_read_back_to_within_half_a_bin(x: float, y: float, style: str, count: int) -> None:
    grounding = Grounding(style, count)
    text = grounding.write_point(x, y)
    read = grounding.read_point(text)
    assert read == pytest.approx((x, y), abs=0.5 / (count - 1) + 1e-9)
    assert grounding.write_point(*read) == text


@given(boxes(), styles)
@settings(deadline=None)
def test_goals_survive_the_way_through_text(box: Box, style: str) -> None:
    grounding = Grounding(style, 200)
    goal = np.array([1, *edges(box)], np.float32)
    if goal[1] < goal[3] and goal[2] < goal[4]:  # float32 may close a sliver
        read = grounding.read_goal(grounding.write_goal(goal))
        assert read.dtype == np.float32
        assert np.abs(read - goal).max() <= 1 / 199 + 1e-6


def test_absence_is_a_word() -> None:
    grounding = Grounding()
    absent = np.zeros(5, np.float32)
    assert grounding.write_goal(absent) == ABSENT
    for text in (ABSENT, "None.", " none "):
        assert np.array_equal(grounding.read_goal(text), absent)


def test_frame_edges_are_exact() -> None:
    grounding = Grounding("text", 128)
    assert grounding.write_box(Box(0, 0, 1, 1)) == "[0, 0, 127, 127]"
    assert grounding.read_box("[0, 0, 127, 127]") == Box(0.0, 0.0, 1.0, 1.0)


def test_the_camera_is_kept() -> None:
    assert Grounding("text").read_box("[1, 2, 3, 4]", camera="wrist").camera == "wrist"


@pytest.mark.parametrize(
    ("style", "text", "message"),
    [
        ("tokens", "nothing here", "names 0 locations"),
        ("tokens", "", "names 0 locations"),
        ("tokens", "<loc_1><loc_2><loc_3>", "has 3 coordinates; a box has 4"),
        ("tokens", "<loc_1><loc_2><loc_3><loc_4> and <loc_1><loc_2>", "names 2 locations"),
        ("tokens", "<loc_1><loc_2><loc_3><loc_128>", "coordinate 128 .* 0 .. 127"),
        ("tokens", "<loc_5><loc_2><loc_3><loc_9>", "left < right"),
        ("tokens", "<loc_1><loc_9><loc_3><loc_9>", "upper < lower"),
        ("text", "[1, 2, 3]", "has 3 coordinates"),
        ("text", "[]", "has 1 coordinates"),
        ("text", "[1, 2, 3, x]", "'x' .* is no coordinate"),
        ("text", "[1, 2, 3, -4]", "'-4' .* is no coordinate"),
        ("text", "[1, 2, 3, 4.5]", "is no coordinate"),
        ("text", "[1, 2, 3, ²]", "is no coordinate"),
        ("text", "[1, 2, 3, 4", "names 0 locations"),
    ],
)
def test_malformed_text_says_what_is_wrong(style: str, text: str, message: str) -> None:
    grounding = Grounding(style)
    with pytest.raises(GroundingError, match=message):
        grounding.read_box(text)
    with pytest.raises(GroundingError):
        grounding.read_goal(text)


@given(st.text(alphabet="<>loc_[]0123456789,. ", max_size=40), styles)
@settings(deadline=None)
def test_any_text_is_a_box_or_an_error(text: str, style: str) -> None:
    grounding = Grounding(style, 16)
    try:
        box = grounding.read_box(text)
    except GroundingError:
        return
    assert grounding.read_box(grounding.write_box(box)) == box


def test_wrong_values_are_named() -> None:
    with pytest.raises(UnknownNameError, match="'token'"):
        Grounding("token")
    with pytest.raises(ConfigError, match="location_bins=1"):
        Grounding("text", 1)
    with pytest.raises(GroundingError, match="outside the frame"):
        Grounding().write_point(1.2, 0.5)
    with pytest.raises(GroundingError, match="shape"):
        Grounding().write_goal(np.zeros(4, np.float32))
    with pytest.raises(GroundingError, match="x0 < x1"):
        Grounding().write_goal(np.array([1, 0.5, 0.5, 0.5, 0.6], np.float32))
