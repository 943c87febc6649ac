"""Episodes that stand out are found, and those that do not are left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vla.data.inspection.folder import DatasetFolder
from vla.data.inspection.language import language_of, words_of
from vla.data.inspection.motion import longest_rest
from vla.data.inspection.outliers import find_outliers
from vla.data.inspection.strips import MOMENTS, Strip

FPS = 10
CAMERA = "observation.images.front"
VECTOR = {"dtype": "float32", "shape": [2], "names": ["x", "y"]}


def wave(length: int) -> NDArray[np.float32]:
    return np.sin(np.arange(length)[:, None] / 5 + [0.0, 1.0]).astype(np.float32)


def folder_of(actions: list[NDArray[np.float32]], texts: list[str] | None = None) -> DatasetFolder:
    lengths = [len(action) for action in actions]
    index = np.repeat(np.arange(len(actions)), lengths)
    values = np.concatenate(actions)
    told = texts or ["go"] * len(actions)
    return DatasetFolder(
        Path("none"),
        {"fps": FPS, "features": {"action": VECTOR, "observation.state": VECTOR, CAMERA: {"dtype": "video"}}},
        None,
        dict(enumerate(told)),
        {"episode_index": list(range(len(actions)))},
        {"action": values, "observation.state": values, "episode_index": index, "task_index": index},
    )


def strip(folder: DatasetFolder, episode: int, levels: list[int]) -> Strip:
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 30, (8, 8, 3))
    frames = tuple((texture + level).clip(0, 255).astype(np.uint8) for level in levels)
    return Strip(episode, 4.0, {CAMERA: frames})


def found(folder: DatasetFolder, *strips: Strip) -> list[tuple[int, str]]:
    return [(outlier.episode, outlier.kind) for outlier in find_outliers(folder, strips)]


def test_ordinary_episodes_are_left_alone() -> None:
    folder = folder_of([wave(length) for length in (40, 42, 45, 38, 41)])
    assert found(folder, strip(folder, 0, [60, 80, 100, 120, 140, 160])) == []


def test_a_length_unlike_the_others_is_found() -> None:
    folder = folder_of([wave(length) for length in (40, 42, 45, 38, 41, 90, 12)])
    assert found(folder) == [(5, "length"), (6, "length")]
    assert find_outliers(folder, [])[0].text == "9.0 s long; the median is 4.1 s"


def test_a_jump_is_found_with_its_time_and_dimension() -> None:
    actions = [wave(40) for _ in range(4)]
    actions[2][25:, 1] += 1.5
    (outlier,) = find_outliers(folder_of(actions), [])
    assert (outlier.episode, outlier.kind) == (2, "jump")
    assert outlier.text.startswith("action jumps once, at 2.5 s, y by 1.")


def test_commands_of_two_values_do_not_jump() -> None:
    actions = [wave(40) for _ in range(3)]
    for action in actions:
        action[:, 1] = np.arange(40) > 20
    assert found(folder_of(actions)) == []


def test_a_long_rest_is_found_and_a_short_one_is_not() -> None:
    actions = [wave(40) for _ in range(4)]
    actions[1] = wave(40)[np.r_[0:10, [10] * 28, 11:13]]
    actions[3] = wave(40)[np.r_[0:10, [10] * 8, 11:33]]
    (outlier,) = find_outliers(folder_of(actions), [])
    assert (outlier.episode, outlier.kind) == (1, "still")
    assert outlier.text == "action is constant for 2.8 of 4.0 s, from 1.0 s on"


def test_dark_and_frozen_frames_are_found() -> None:
    folder = folder_of([wave(40) for _ in range(4)])
    dark = strip(folder, 1, [60, -40, -40, -40, 140, 160])
    frozen = strip(folder, 2, [60, 80, 80, 80, 120, 140])
    outliers = find_outliers(folder, [strip(folder, 0, [60, 80, 100, 120, 140, 160]), dark, frozen])
    assert [(o.episode, o.kind) for o in outliers] == [(1, "dark"), (1, "frozen"), (2, "frozen")]
    assert outliers[0].text == f"{CAMERA} is dark in 3 of 6 frames looked at"
    assert outliers[2].text == f"{CAMERA} shows the same frame at 0.8 s and 2.3 s, while the arm moves"


def test_a_camera_that_sees_no_change_while_the_arm_rests_is_not_frozen() -> None:
    actions = [wave(40) for _ in range(3)]
    actions[1][:] = actions[1][0]
    folder = folder_of(actions)
    assert found(folder, strip(folder, 1, [80] * MOMENTS)) == [(1, "still")]


@given(st.lists(st.integers(0, 2), min_size=1, max_size=40))
def test_the_longest_rest_is_the_longest(values: list[int]) -> None:
    start, ticks = longest_rest(np.array(values, np.float64)[:, None])
    assert len(set(values[start : start + ticks])) <= 1
    runs = [len(list(run)) for run in _runs(values)]
    assert ticks == (max(runs) if max(runs) > 1 else 0)


def _runs(values: list[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for value in values:
        if runs and runs[-1][0] == value:
            runs[-1].append(value)
        else:
            runs.append([value])
    return runs


def test_instructions_and_words_are_counted() -> None:
    texts = ["Pick up the red cube.", "pick up the red cube.", "Push the mug's lid!", ""]
    language = language_of(folder_of([wave(20) for _ in texts], texts))
    assert (language.source, language.distinct, language.without) == ("tasks", 3, 1)
    assert dict(language.words)["the"] == 3 and dict(language.words)["red"] == 2
    assert language.rare == ("lid", "mug's", "push")
    assert language.lengths == ((4, 1), (5, 2))
    assert words_of("Heb' den roten Würfel-Stapel auf: 2x") == ["heb", "den", "roten", "würfel-stapel", "auf", "2x"]
