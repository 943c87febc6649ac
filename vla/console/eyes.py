"""Shows the page what the robot sees, where the planner's box is, and where everything is in space."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla.api.session import Session
from vla.cli.robots import Deployment
from vla.console.examples import examples
from vla.console.geometry import ArmPoses, describe
from vla.errors import VlaError
from vla.robots.frame_board import FrameBoard
from vla.types import Box, EpisodeResult, Observation, Subgoal, SubgoalResult

POSES_PERIOD = 0.1
"""[s]"""
PAUSE = 0.2
"""After a robot that shows nothing [s]."""
PATIENCE = 1.0
"""Longest time that a look may take [s]."""


class Eyes:
    """Looks in a thread of its own at a session's robot; also a subscriber of its loop.

    Args:
        tell: sends a message to the page.
        fps: looks a second; a simulation has to render each [Hz].
    """

    wants_frames = False

    def __init__(self, tell: Callable[[dict[str, Any]], None], fps: float) -> None:
        self._tell, self._period = tell, 1.0 / fps
        self._wanted = threading.Event()
        self._cameras = self._scene = False
        self._subgoal: Subgoal | None = None
        self._box: Box | None = None
        self._shown: Deployment | None = None
        self._board: FrameBoard | None = None
        self._arm: ArmPoses | None = None
        self._next_poses = 0.0

    def watch(self, *, cameras: bool, scene: bool) -> None:
        """Say what somebody looks at."""
        self._cameras, self._scene = cameras, scene
        self._wanted.set() if cameras or scene else self._wanted.clear()

    def run(self, session: Session, ended: threading.Event) -> None:
        """Show what a session's robot sees, until it has ended."""
        try:
            while not ended.is_set():
                began = time.monotonic()
                deployment = session.deployment
                if deployment is not None and deployment is not self._shown:
                    self._introduce(deployment)
                if deployment is None or not self._wanted.is_set():
                    self._tell_box(None)
                    ended.wait(PAUSE)
                    continue
                try:
                    self._look(session, deployment)
                except VlaError:  # it is told as an event
                    ended.wait(PAUSE)
                ended.wait(max(0.0, began + self._period - time.monotonic()))
        finally:
            self._forget()

    def _look(self, session: Session, deployment: Deployment) -> None:
        observation = session.look(PATIENCE)
        if self._cameras and observation.images:
            self._show(observation)
        subgoal = self._subgoal
        self._tell_box(subgoal.box if subgoal is not None else None)
        if self._scene and time.monotonic() >= self._next_poses:
            self._next_poses = time.monotonic() + POSES_PERIOD
            poses = self._poses(deployment, observation)
            self._tell({"kind": "poses", "poses": poses.astype("<f4").tobytes()})

    def _show(self, observation: Observation) -> None:
        if self._board is None:
            shapes = {name: frame.shape for name, frame in observation.images.items()}
            self._board = FrameBoard(shapes)  # type: ignore[arg-type]
            self._tell({"kind": "board", "address": self._board.address})
            self._tell({"kind": "state", "state": {"cameras": sorted(shapes)}})
        self._board.show(observation.images, time.monotonic())

    def _introduce(self, deployment: Deployment) -> None:
        """Tell what there is to see of another robot, or in another scene."""
        self._shown, self._arm = deployment, None
        model = deployment.model
        if deployment.poses is None:
            self._arm = ArmPoses(deployment.arm)
            model = self._arm.model
        self._tell({"kind": "scene", "scene": describe(model)})
        state = {"examples": examples(deployment.things), "scene": time.time(), "seed": deployment.seed}
        self._tell({"kind": "state", "state": state | {"control_hz": deployment.robot.control_hz}})

    def _poses(self, deployment: Deployment, observation: Observation) -> NDArray[np.float64]:
        if self._arm is not None:
            return self._arm(observation.state)
        assert deployment.poses is not None
        return deployment.poses()

    def _tell_box(self, box: Box | None) -> None:
        if box != self._box:
            self._box = box
            self._tell({"kind": "box", "box": None if box is None else asdict(box)})

    def _forget(self) -> None:
        self._tell({"kind": "board", "address": None})
        self._tell({"kind": "scene", "scene": None})
        self._tell({"kind": "state", "state": {"cameras": [], "scene": None, "examples": []}})
        self._tell_box(None)
        if self._board is not None:
            self._board.close(unlink=True)
        self._board = self._shown = self._arm = self._subgoal = None

    # -- as a subscriber -----------------------------------------------------------------------------------------------

    def on_start(self, instruction: str) -> None:
        """Nothing is pursued yet."""
        self._subgoal = None

    def on_tick(self, observation: Observation, subgoal: Subgoal | None, action: NDArray[np.float32] | None) -> None:
        """Note what is pursued."""
        self._subgoal = subgoal

    def on_subgoal_end(self, result: SubgoalResult) -> None:
        """Nothing is pursued until the next plan."""
        self._subgoal = None

    def on_end(self, result: EpisodeResult) -> None:
        """Nothing is pursued any more."""
        self._subgoal = None
