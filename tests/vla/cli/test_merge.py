from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lerobot.datasets.lerobot_dataset import LeRobotDataset

from vla.cli.main import main
from vla.data.writer import episode_infos

SUITE = "suite=tests.helpers.toy_suite:suite"


def collect(output: Path, *options: str) -> Path:
    assert main(["collect", SUITE, "tasks=reach", "workers=1", f"output={output}", *options]) == 0
    return output


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("merge")
    return [collect(folder / "a", "episodes=2"), collect(folder / "b", "episodes=3", "seed=50")]


def test_episodes_follow_each_other_with_what_is_known_of_them(parts: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "whole"
    assert main(["merge", f"datasets=[{parts[0]},{parts[1]}]", f"output={output}"]) == 0
    whole = LeRobotDataset("local/whole", root=output)
    sources = [LeRobotDataset(f"local/{part.name}", root=part) for part in parts]
    expected = [info for source in sources for info in episode_infos(source.meta)]
    assert episode_infos(whole.meta) == expected
    assert len({info.seed for info in expected}) == 5
    assert len(whole) == sum(map(len, sources))
    last: Any = whole[len(whole) - 1]
    original: Any = sources[1][len(sources[1]) - 1]
    assert last["task"] == original["task"]
    np.testing.assert_array_equal(last["action"], original["action"])
    assert not output.with_name("whole.partial").exists()


def test_what_cannot_be_merged_is_refused(
    parts: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, other = parts[0], tmp_path / "other"
    shutil.copytree(a, other)
    info = other / "meta/info.json"
    info.write_text(info.read_text().replace('"fps": 10', '"fps": 20'))
    for datasets, output, message in (
        (f"[{a}]", "x", "at least two datasets, not 1"),
        (f"[{a},{tmp_path}/none]", "x", "none is not a LeRobot dataset"),
        (f"[{a},{other}]", "x", "has fps 10, but .*other has 20"),
        (f"[{a},{parts[1]}]", "other", "other exists"),
    ):
        assert main(["merge", f"datasets={datasets}", f"output={tmp_path / output}"]) == 2
        assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "x").exists()
