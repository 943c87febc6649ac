import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.toy_suite import ToySimulation
from vla.cli.main import main

SUITE = "suite=tests.helpers.toy_suite:suite"


def collect(output: Path, *options: str) -> int:
    return main(["collect", SUITE, "episodes=4", "workers=1", f"output={output}", *options])


def rows(output: Path) -> list[dict]:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    dataset = LeRobotDataset(f"local/{output.name}", root=output)
    return [dataset.get_raw_item(index) for index in range(len(dataset))]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("collect") / "toy"
    assert collect(output) == 0
    return output


def test_every_task_has_its_successes_and_failed_seeds_are_replaced(dataset: Path) -> None:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    from vla.data.writer import episode_infos

    meta = LeRobotDataset(f"local/{dataset.name}", root=dataset).meta
    infos = episode_infos(meta)
    assert all(info.success for info in infos)
    assert [(info.suite_task, info.seed) for info in infos] == [
        *(("reach", seed) for seed in (0, 1, 2, 4)),
        *(("hold", seed) for seed in range(4)),
        *(("tour", seed) for seed in range(4)),
    ]
    assert infos[-1].instruction == "go to point 0 then point 1"
    assert meta.fps == 10
    assert meta.robot_type == "toy"
    assert meta.features["action"]["names"] == ["x.pos", "y.pos"]
    assert meta.tasks is not None
    assert set(meta.tasks.index) == {"go to point 0", "go to point 1"}
    assert not dataset.with_name("toy.partial").exists()


def test_the_dataset_opens_in_lerobot_with_clean_actions(dataset: Path) -> None:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    item: Any = LeRobotDataset(f"local/{dataset.name}", root=dataset)[0]
    simulation = ToySimulation()
    simulation.reset("reach", 0)
    assert item["task"] == "go to point 0"
    assert item["observation.images.front"].shape == (3, 32, 32)
    assert item["action"].numpy() == pytest.approx(simulation.targets[0], rel=1e-6)
    assert item["observation.goal"][0] == 1


def test_an_interrupted_collection_goes_on_and_ends_the_same(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "toy"
    tried: list[tuple[str, int]] = []
    reset = ToySimulation.reset

    def interrupted(self: ToySimulation, task: str, seed: int, **options: str) -> None:
        if task == "hold" and seed == 2:
            raise KeyboardInterrupt
        reset(self, task, seed, **options)  # type: ignore[arg-type]

    def watched(self: ToySimulation, task: str, seed: int, **options: str) -> None:
        tried.append((task, seed))
        reset(self, task, seed, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ToySimulation, "reset", interrupted)
    assert collect(output) == 130
    assert not output.exists()
    attempts = (tmp_path / "toy.partial" / "attempts.jsonl").read_text().splitlines()
    assert {(entry["task"], entry["seed"]) for entry in map(json.loads, attempts)} >= {("reach", 3), ("hold", 1)}
    monkeypatch.setattr(ToySimulation, "reset", watched)
    assert collect(output) == 0
    assert ("reach", 0) not in tried[2:]
    assert ("hold", 2) in tried
    _same(rows(output), rows(dataset))


@pytest.mark.slow
def test_the_number_of_workers_does_not_matter(dataset: Path, tmp_path: Path) -> None:
    assert collect(tmp_path / "toy", "workers=2") == 0
    _same(rows(tmp_path / "toy"), rows(dataset))


def test_a_policy_may_begin_and_only_what_the_expert_does_after_it_is_recorded(
    tmp_path: Path, toy_checkpoint: Path
) -> None:
    options = [f"policy={toy_checkpoint}", "policy_fraction=1", "perturb=0", "tasks=hold", "episodes=3"]
    assert collect(tmp_path / "toy", *options) == 0
    recorded = rows(tmp_path / "toy")
    firsts = [row["observation.state"].numpy() for row in recorded if row["frame_index"] == 0]
    assert any((first != 50).any() for first in firsts), "the policy must have moved the arm before"
    for episode in {int(row["episode_index"]) for row in recorded}:
        states = np.array([row["observation.state"].numpy() for row in recorded if row["episode_index"] == episode])
        labels = np.array([row["action"].numpy() for row in recorded if row["episode_index"] == episode])
        assert (labels == labels[0]).all()
        distance = np.abs(states - labels[0]).max(axis=1)
        assert (np.diff(distance) <= 0).all(), "the recorded states are those that the expert leads through"


def test_a_task_that_always_fails_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reset = ToySimulation.reset

    def hopeless(self: ToySimulation, task: str, seed: int, **options: str) -> None:
        reset(self, task, seed, **options)  # type: ignore[arg-type]
        self.impossible = task == "reach"

    monkeypatch.setattr(ToySimulation, "reset", hopeless)
    assert collect(tmp_path / "toy", "tasks=reach,hold", "episodes=1") == 1
    text = capsys.readouterr().out
    assert "23 × " in text
    assert "reach: gave up 1 episodes short after 23 seeds" in text
    assert len({row["episode_index"].item() for row in rows(tmp_path / "toy")}) == 1


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("episodes=0", "episodes=0 must be at least 1"),
        ("seed=999990", "seed=999990 must be between 0 and 999968"),
        ("policy_fraction=2", "policy_fraction=2 must be between 0 and 1"),
        ("workers=two", "workers=two must be at least 1"),
    ],
)
def test_a_wrong_option_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, message: str) -> None:
    assert collect(tmp_path / "toy", option) == 2
    assert message in capsys.readouterr().err


def test_an_existing_dataset_is_not_overwritten(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert collect(dataset) == 2
    assert "exists" in capsys.readouterr().err


def _same(first: list[dict], second: list[dict]) -> None:
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            assert (one[key] == other[key]).all() if hasattr(one[key], "all") else one[key] == other[key], key
