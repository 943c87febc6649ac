from pathlib import Path

import av
import numpy as np
import pytest

from tests.helpers.toy_suite import CONTROL_HZ, ToySimulation
from vla.runtime.actors import ExpertActor
from vla.runtime.episode import run_episode
from vla.runtime.video import BANNER_SECONDS, BAR, GREEN, RED, YELLOW, VideoRecorder, draw_frame
from vla.types import Box, Observation, Subgoal


def observation(height: int = 128, width: int = 128) -> Observation:
    frame = np.full((height, width, 3), 128, np.uint8)
    return Observation({"front": frame, "wrist": frame}, np.zeros(6, np.float32), 1.0)


def pixels_near(frame: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    return (np.abs(frame.astype(int) - color).max(axis=2) < 30).nonzero()  # type: ignore[return-value]


@pytest.mark.parametrize(("height", "width"), [(128, 128), (480, 640), (31, 45)])
def test_frames_show_both_cameras_at_a_readable_even_size(height: int, width: int) -> None:
    frame = draw_frame(observation(height, width), None, "go")
    assert frame.shape[0] % 2 == 0
    assert frame.shape[1] % 2 == 0
    assert frame.shape[1] >= 2 * 320
    assert frame.dtype == np.uint8


def test_the_box_is_drawn_in_the_camera_it_names() -> None:
    subgoal = Subgoal("pick up the red cube", "pick", "red cube", box=Box(0.25, 0.5, 0.5, 0.75, camera="wrist"))
    rows, columns = pixels_near(draw_frame(observation(), subgoal, "go"), YELLOW)
    tile = 3 * 128
    assert (columns.min() - tile) / tile == pytest.approx(0.25, abs=0.01)
    assert (columns.max() - tile) / tile == pytest.approx(0.5, abs=0.01)
    assert (rows.min() - BAR) / tile == pytest.approx(0.5, abs=0.01)
    assert (rows.max() - BAR) / tile == pytest.approx(0.75, abs=0.01)


def test_captions_that_are_too_long_are_made_to_fit() -> None:
    subgoal = Subgoal("go " * 100, "go", "there")
    caption = draw_frame(observation(), subgoal, "go " * 200)[:BAR]
    assert caption.any()
    assert not caption[:, -4:].any()


@pytest.mark.parametrize(("seed", "color", "other"), [(1, GREEN, RED), (3, RED, GREEN)])
def test_an_episode_becomes_a_browser_playable_file(
    tmp_path: Path, seed: int, color: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    simulation = ToySimulation()
    simulation.reset("reach", seed)
    path = tmp_path / "new" / "episode.mp4"
    with VideoRecorder(path, simulation.control_hz) as video:
        actor = ExpertActor(simulation.expert())
        result = run_episode(simulation, simulation.oracle(), actor, max_seconds=2, subscribers=[video])
    container = av.open(str(path))
    stream = container.streams.video[0]
    assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    assert stream.average_rate == CONTROL_HZ
    frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    container.close()
    assert len(frames) == result.steps + round(BANNER_SECONDS * CONTROL_HZ)
    assert len(pixels_near(frames[-1], color)[0]) > 50 > len(pixels_near(frames[-1], other)[0])
    assert [file.name for file in path.parent.iterdir()] == ["episode.mp4"]


def test_an_aborted_episode_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), VideoRecorder(tmp_path / "episode.mp4", 10) as video:
        video.on_start("go")
        video.on_tick(observation(), None, np.zeros(6, np.float32))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
