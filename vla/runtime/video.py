"""Writes an episode as an MP4 that browsers play: the cameras side by side, captioned."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from vla.types import Box, EpisodeResult, Observation, Subgoal, SubgoalResult

TILE = 320
"""Smallest width at which a camera is shown [px]."""
BAR = 28
"""Height of the caption above and the status line below the frames [px]."""
BANNER_SECONDS = 1.5
WHITE, GREEN, RED, YELLOW = (255, 255, 255), (60, 200, 90), (235, 80, 70), (255, 220, 40)

Frame = NDArray[np.uint8]


class VideoRecorder:
    """Subscriber that writes H.264; use as a context manager, so that an aborted episode leaves no file.

    Args:
        path: the MP4 to write; it appears when the episode has ended.
        fps: control rate of the episode, which is the rate of the video.
    """

    wants_frames = True

    def __init__(self, path: Path, fps: float) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.stem}.partial.mp4")
        self._fps = fps
        self._container: Any = None
        self._stream: Any = None
        self._instruction = ""
        self._last: tuple[Observation, Subgoal | None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._container is not None:
            self._container.close()
        self._partial.unlink(missing_ok=True)

    def on_start(self, instruction: str) -> None:
        """Remember what is to be shown above the frames."""
        self._instruction = instruction

    def on_tick(self, observation: Observation, subgoal: Subgoal | None, action: NDArray[np.float32] | None) -> None:
        """Write one frame."""
        self._last = observation, subgoal
        self._write(draw_frame(observation, subgoal, self._instruction))

    def on_subgoal_end(self, result: SubgoalResult) -> None:
        """Subgoals show in the caption of the frames."""

    def on_end(self, result: EpisodeResult) -> None:
        """Hold the last frame under a banner, close the file and give it its name."""
        if self._last is not None:
            banner = ("SUCCESS", GREEN) if result.success else (f"FAILURE: {result.reason}", RED)
            frame = draw_frame(*self._last, self._instruction, banner)
            for _ in range(round(BANNER_SECONDS * self._fps)):
                self._write(frame)
        if self._container is not None:
            for packet in self._stream.encode():
                self._container.mux(packet)
            self._container.close()
            self._container = None
            self._partial.rename(self._path)

    def _write(self, frame: Frame) -> None:
        import av

        if self._container is None:
            av.logging.set_libav_level(av.logging.ERROR)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._container = av.open(str(self._partial), "w", options={"movflags": "+faststart"})
            self._stream = self._container.add_stream("libx264", rate=round(self._fps))
            self._stream.height, self._stream.width = frame.shape[:2]
            self._stream.pix_fmt = "yuv420p"
            self._stream.options = {"crf": "20", "preset": "veryfast"}
        for packet in self._stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")):
            self._container.mux(packet)


def draw_frame(
    observation: Observation,
    subgoal: Subgoal | None,
    instruction: str,
    banner: tuple[str, tuple[int, int, int]] | None = None,
) -> Frame:
    """Compose one video frame (height, width, 3) with even sides.

    Args:
        observation: its cameras are shown side by side, at least 320 px wide each.
        subgoal: its text is the caption, its box is drawn into the camera it names.
        instruction: shown below the frames.
        banner: text and colour laid over the frames.
    """
    box = subgoal.box if subgoal else None
    tiles = [_tile(name, frame, box) for name, frame in observation.images.items()]
    height = max(tile.shape[0] for tile in tiles)
    tiles = [np.pad(tile, ((0, height - tile.shape[0]), (0, 0), (0, 0))) for tile in tiles]
    frames = np.concatenate(tiles, axis=1)
    if banner is not None:
        text, color = banner
        _write_text(frames, text, (12, height - 16), color, 0.7, 2)
    width = frames.shape[1]
    caption = np.zeros((BAR, width, 3), np.uint8)
    _write_text(caption, subgoal.text if subgoal else "waiting for the planner", (10, 19), WHITE, 0.55, 1)
    status = np.zeros((BAR, width, 3), np.uint8)
    _write_text(status, f"{observation.time:5.1f} s   {instruction}", (10, 19), WHITE, 0.45, 1)
    return np.concatenate([caption, frames, status])


def _tile(camera: str, frame: Frame, box: Box | None) -> Frame:
    scale = max(1, -(-TILE // frame.shape[1]))
    tile = frame.repeat(scale, axis=0).repeat(scale, axis=1)
    tile = np.pad(tile, ((0, tile.shape[0] % 2), (0, tile.shape[1] % 2), (0, 0)), mode="edge")
    height, width = tile.shape[:2]
    if box is not None and box.camera == camera:
        corner = round(box.x0 * width), round(box.y0 * height)
        opposite = round(box.x1 * width), round(box.y1 * height)
        cv2.rectangle(tile, corner, opposite, YELLOW, 2)
    _write_text(tile, camera, (8, 18), WHITE, 0.45, 1)
    return tile


def _write_text(
    image: Frame, text: str, origin: tuple[int, int], color: tuple[int, int, int], size: float, weight: int
) -> None:
    """Draw outlined text in place, made smaller if it is too wide for the image."""
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, weight)
    size *= min(1.0, (image.shape[1] - 2 * origin[0]) / max(width, 1))
    for stroke, ink in ((weight + 2, (0, 0, 0)), (weight, color)):
        cv2.putText(image, text, origin, cv2.FONT_HERSHEY_SIMPLEX, size, ink, stroke, cv2.LINE_AA)
