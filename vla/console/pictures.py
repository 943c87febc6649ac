"""Frames as JPEG, encoded once for all who look."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from vla.robots.frame_board import BoardAddress, FrameBoard

QUALITY = 85
LEAST_SIDE = 320
"""Smaller frames are enlarged by a whole number before they are encoded, which blurs their edges less [px]."""


class Pictures:
    """Looks at a board that the robot's process fills; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._board: FrameBoard | None = None
        self._taken = 0.0
        self._encoded: dict[str, bytes] = {}

    def look_at(self, address: BoardAddress | None) -> None:
        """Look at another board, or at none."""
        with self._lock:
            if self._board is not None:
                self._board.close()
            self._board = None if address is None else FrameBoard(address.shapes, address.name)
            self._encoded, self._taken = {}, 0.0

    def newer(self, than: float) -> tuple[dict[str, bytes], float] | None:
        """Return camera -> JPEG and when the frames were taken; None if they are not newer ``than`` that [s]."""
        with self._lock:
            if self._board is None:
                return None
            frames, taken = self._board.latest()
            if not frames or taken == than:
                return None
            if taken != self._taken:
                self._encoded = {camera: encode(frame) for camera, frame in frames.items()}
                self._taken = taken
            return self._encoded, taken


def encode(frame: NDArray[np.uint8]) -> bytes:
    """Return an RGB frame (H, W, 3) as JPEG."""
    import cv2

    scale = -(-LEAST_SIDE // min(frame.shape[:2]))
    if scale > 1:
        frame = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)  # type: ignore[assignment]
    _, data = cv2.imencode(".jpg", frame[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()
