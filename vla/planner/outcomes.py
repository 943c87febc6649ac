"""Whether a step has worked, judged from the picture and the gripper once the arm is back at the ready pose."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vla.language import Step
from vla.planner.grip import EMPTY, OPEN, Grip
from vla.planner.grounding import CameraView, Detector
from vla.planner.grounding.tracker import Tracker
from vla.types import Box

HAND = (0.40, 0.30, 0.62, 0.55)
"""Where the front camera sees what is held at the ready pose: x0, y0, x1, y1."""


@dataclass(frozen=True)
class PushCheck:
    """Whether a thing has been pushed far enough, and the right way."""

    distance: float = 0.04
    """Least distance along the direction asked for [m]."""
    angle: float = 40.0
    """Largest angle between the direction asked for and that of the motion [deg]."""

    def reached(self, view: CameraView, height: float, before: Box, after: Box, direction: str) -> bool:
        """Compare where a thing was with where it is.

        Args:
            view: of the camera whose pictures the boxes are in.
            height: of the thing's centre above the table [m].
            before: where it was.
            after: where it is.
            direction: ``left``, ``right``, ``front`` or ``back``.
        """
        motion = view.on_table(*after.center, height) - view.on_table(*before.center, height)  # (2,) [m]
        along = float(motion @ view.direction(direction))
        return along > self.distance and along > float(np.cos(np.deg2rad(self.angle)) * np.hypot(*motion))


@dataclass(frozen=True)
class OutcomeChecks:
    """Thresholds of the checks. What cannot be seen is taken to have worked."""

    empty: float = EMPTY
    """Gripper opening below which the closed gripper holds nothing [0-100]."""
    open: float = OPEN
    """Part of the opening at the start of the episode from which on the gripper is open."""
    hand: tuple[float, float, float, float] = HAND
    """Where a held object is seen at the ready pose: x0, y0, x1, y1."""
    detector: Detector = field(default_factory=Detector)
    push: PushCheck = field(default_factory=PushCheck)

    def grip(self, opening: float, at_start: float) -> Grip:
        """Return what a gripper's opening [0-100] tells, beside the one at the start of the episode."""
        return Grip(opening, at_start, self.open, self.empty)

    def reached(
        self,
        step: Step,
        tracker: Tracker,
        image: NDArray[np.uint8],
        grip: Grip,
        box_at_start: Box | None,
        has_moved: bool,
    ) -> bool:
        """Whether a step has worked.

        Args:
            step: what was to be done.
            tracker: has seen ``image``.
            image: front camera frame (H, W, 3), the arm at the ready pose.
            grip: of the gripper now.
            box_at_start: where the object was before the step.
            has_moved: the arm was seen elsewhere meanwhile; until then only what is plain to see counts.
        """
        last = tracker.box(step.object)
        thing = last if tracker.visible(step.object) else None
        place = tracker.box(step.place) if step.place else None
        match step.skill:
            case "pick":
                in_hand = thing is None or within(thing, self.hand)
                return has_moved and grip.holds and in_hand
            case "place" | "stack" if place is not None and thing is not None:
                return grip.is_open and (inside if step.skill == "place" else on_top)(thing, place)
            case "push" if box_at_start is not None and thing is not None:
                view, height = self.detector.view, self.detector.size / 2
                return self.push.reached(view, height, box_at_start, thing, step.place or "")
            case "press" if last is not None:
                return self.detector.pressed(image, last)
        return has_moved and (grip.is_open or step.skill not in ("place", "stack"))


def inside(thing: Box, container: Box) -> bool:
    """Whether the middle of a box lies in the ellipse that fills another."""
    (x, y), (u, v) = thing.center, container.center
    half_width, half_height = (container.x1 - container.x0) / 2, (container.y1 - container.y0) / 2
    return ((x - u) / half_width) ** 2 + ((y - v) / half_height) ** 2 < 1


def on_top(thing: Box, base: Box) -> bool:
    """Whether a box sits above the middle of another, as one object on another looks."""
    (x, y), (u, v) = thing.center, base.center
    width, height = base.x1 - base.x0, base.y1 - base.y0
    return abs(x - u) < 0.6 * width and 0.15 * height < v - y < 1.3 * height


def within(box: Box, area: tuple[float, float, float, float]) -> bool:
    """Whether the middle of a box lies in an area x0, y0, x1, y1."""
    x, y = box.center
    return area[0] <= x <= area[2] and area[1] <= y <= area[3]
