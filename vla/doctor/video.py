"""Whether videos can be written and read, which datasets need."""

from __future__ import annotations

from typing import Any

from vla.doctor.finding import Finding, failure, ok, warning
from vla.doctor.probe import ProbeError, probe

FRAMES, SIZE = 8, 64


def check(seconds: float) -> list[Finding]:
    """Write a small H.264 video with PyAV, and read it with PyAV and torchcodec."""
    try:
        probe(read_with_pyav, seconds=seconds)
    except ProbeError as error:
        return [
            failure("video", f"PyAV cannot write and read H.264: {error}", error.mend("video", seconds, "make setup"))
        ]
    findings = [ok("video", "PyAV writes and reads H.264")]
    try:
        probe(read_with_torchcodec, seconds=seconds)
    except ProbeError as error:
        mend = error.mend("video", seconds, "sudo apt-get install ffmpeg, or on macOS: brew install ffmpeg")
        return [*findings, warning("torchcodec", f"torchcodec reads no video, only PyAV does: {error}", mend)]
    return [*findings, ok("torchcodec", "torchcodec reads H.264")]


def make_video() -> bytes:
    """Return a short H.264 video whose frames become brighter."""
    import io

    import av
    import numpy as np

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=30)
        stream.width = stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for index in range(FRAMES):
            picture = np.full((SIZE, SIZE, 3), 20 + 20 * index, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


def read_with_pyav() -> int:
    """Return how many frames PyAV reads of a video that it wrote.

    Raises:
        ValueError: it is another number than was written.
    """
    import io

    import av

    frames = 0
    with av.open(io.BytesIO(make_video()), "r") as container:
        frames = sum(1 for _ in container.decode(video=0))
    return _counted(frames)


def read_with_torchcodec() -> int:
    """Return how many frames torchcodec reads of such a video.

    Raises:
        ValueError: it is another number than was written.
    """
    from torchcodec.decoders import VideoDecoder

    return _counted(len(VideoDecoder(make_video())[:]))


def _counted(frames: int) -> int:
    if frames != FRAMES:
        raise ValueError(f"{frames} of {FRAMES} frames were read")
    return frames
