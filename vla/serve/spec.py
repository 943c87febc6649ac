"""What a served policy takes and gives: said to every client that connects, and what requests are checked against."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla.data.features import GOAL, IMAGES, STATE, TASK, camera_name, image_key
from vla.errors import CheckpointError, ProtocolError
from vla.types import Box, Observation, Subgoal, goal_vector

PROMPT = "prompt"
"""openpi's name for the text, taken as well as ``task``."""
LONGEST_TEXT = 2000
"""[characters]"""


@dataclass(frozen=True)
class PolicySpec:
    """Inputs and outputs of a policy."""

    name: str
    inputs: Mapping[str, tuple[int, ...]]
    """LeRobot key -> shape as it is sent: images (H, W, 3) uint8, state (n,) and goal (5,) float32."""
    action_dim: int
    n_action_steps: int
    """How many actions of a chunk to execute before the next one is asked for."""

    @classmethod
    def of(cls, name: str, features: tuple[Mapping[str, tuple[int, ...]], int], n_action_steps: int) -> PolicySpec:
        """Return the spec of a policy with ``features``: inputs in lerobot's layout, images (3, H, W), and joints."""
        shapes = {
            key: (*shape[1:], shape[0]) if key.startswith(IMAGES) else tuple(shape)
            for key, shape in features[0].items()
        }
        return cls(name, shapes, features[1], n_action_steps)

    @property
    def keys(self) -> list[str]:
        """Keys that a request may hold."""
        return [*self.inputs, TASK, PROMPT]

    @property
    def request_bytes(self) -> int:
        """Size of the arrays of a request, in types so wide that a client with wrong ones is still told so."""
        return sum(math.prod(shape) * (4 if key.startswith(IMAGES) else 8) for key, shape in self.inputs.items())

    def to_metadata(self) -> dict[str, Any]:
        """Return what a client is told when it connects; plain values only."""
        return {
            "policy": self.name,
            "inputs": {
                key: {"shape": list(shape), "dtype": "uint8" if key.startswith(IMAGES) else "float32"}
                for key, shape in self.inputs.items()
            },
            "text": [TASK, PROMPT],
            "action_dim": self.action_dim,
            "n_action_steps": self.n_action_steps,
        }

    @classmethod
    def from_metadata(cls, metadata: Any) -> PolicySpec:
        """Return the spec that a server has sent.

        Raises:
            ProtocolError: it has sent something else, being another kind of server.
        """
        try:
            inputs = {str(key): tuple(map(int, one["shape"])) for key, one in metadata["inputs"].items()}
            return cls(str(metadata["policy"]), inputs, int(metadata["action_dim"]), int(metadata["n_action_steps"]))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ProtocolError("the server does not say what its policy takes; is it `vla serve`?") from error

    def check_robot(self, observation: Observation) -> None:
        """Make sure that a robot senses what the policy takes.

        Args:
            observation: of the robot, frames included.

        Raises:
            CheckpointError: a camera is missing, or a frame or the state has another size.
        """
        offered: dict[str, NDArray] = {image_key(name): frame for name, frame in observation.images.items()}
        offered |= {STATE: observation.state, GOAL: goal_vector(None)}
        for key, shape in self.inputs.items():
            if key not in offered:
                raise CheckpointError(f"the served policy wants {key}; the robot offers {', '.join(sorted(offered))}")
            if offered[key].shape != shape:
                raise CheckpointError(f"the served policy wants {key} of shape {shape}; it is {offered[key].shape}")
        if self.action_dim != len(observation.state):
            raise CheckpointError(
                f"the served policy moves {self.action_dim} joints; the robot has {len(observation.state)}"
            )

    def to_request(self, observation: Observation, subgoal: Subgoal) -> dict[str, Any]:
        """Return what to send for an observation: only what the policy takes.

        Raises:
            CheckpointError: the observation lacks a camera.
        """
        request: dict[str, Any] = {TASK: subgoal.text}
        for key in self.inputs:
            if key == STATE:
                request[key] = observation.state
            elif key == GOAL:
                request[key] = goal_vector(subgoal)
            elif (camera := camera_name(key)) in observation.images:
                request[key] = observation.images[camera]
            else:
                cameras = ", ".join(map(image_key, sorted(observation.images))) or "no frame"
                raise CheckpointError(f"the served policy wants {key}; the robot offers {cameras}")
        return request

    def read_request(self, message: object) -> tuple[Observation, Subgoal]:
        """Return the observation and the subgoal of a request; the goal may be left out, and then says "no box".

        Raises:
            ProtocolError: a key is missing or unknown, or a value has the wrong type, dtype or shape.
        """
        if not isinstance(message, dict):
            raise ProtocolError(f"a request is a map with the keys {', '.join(self.keys)}; got {_kind(message)}")
        if unknown := [str(key) for key in message if key not in self.keys]:
            raise ProtocolError(f"unknown key {unknown[0][:80]!r}. Valid: {', '.join(self.keys)}")
        if missing := [key for key in self.inputs if key not in message and key != GOAL]:
            raise ProtocolError(f"{', '.join(missing)} missing; the policy takes {', '.join(self.keys)}")
        values = {key: self._read(key, message[key]) for key in self.inputs if key in message}
        frames = {camera_name(key): value for key, value in values.items() if key.startswith(IMAGES)}
        state = values.get(STATE, np.zeros(self.action_dim, np.float32))
        return Observation(frames, state, 0.0), Subgoal(_text(message), "", "", box=_box(values.get(GOAL)))

    def _read(self, key: str, value: object) -> NDArray:
        image, shape = key.startswith(IMAGES), self.inputs[key]
        wanted = f"{'uint8' if image else 'float32'} array of shape {shape}"
        numeric = isinstance(value, np.ndarray) and (value.dtype == np.uint8 if image else value.dtype.kind in "fiu")
        if not isinstance(value, np.ndarray) or not numeric or value.shape != shape:
            raise ProtocolError(f"{key} must be a {wanted}; got {_kind(value)}")
        if image:
            return value
        with np.errstate(over="ignore"):
            numbers = value.astype(np.float32)
        if not np.isfinite(numbers).all():
            raise ProtocolError(f"{key} holds values that are not finite")
        return numbers


def _kind(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} array of shape {value.shape}"
    return type(value).__name__


def _text(message: dict[Any, Any]) -> str:
    given = {key: message[key] for key in (TASK, PROMPT) if key in message}
    if not given:
        raise ProtocolError(f"{TASK} missing: the text of the subgoal (or {PROMPT})")
    for key, text in given.items():
        if not isinstance(text, str) or len(text) > LONGEST_TEXT:
            size = f" of {len(text)} characters" if isinstance(text, str) else ""
            raise ProtocolError(f"{key} must be text of at most {LONGEST_TEXT} characters; got {_kind(text)}{size}")
    if len(set(given.values())) > 1:
        raise ProtocolError(f"{TASK} and {PROMPT} differ; send one of them")
    return str(next(iter(given.values())))


def _box(goal: NDArray | None) -> Box | None:
    if goal is None or not goal.any():
        return None
    present, x0, y0, x1, y1 = map(float, goal)
    if present != 1.0:
        raise ProtocolError(f"{GOAL} is [1, x0, y0, x1, y1], or all zero; its first value is {present:g}")
    try:
        return Box(x0, y0, x1, y1)
    except ValueError as error:
        raise ProtocolError(f"{GOAL}: {error}") from error
