from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from tests.vla.data.synthetic import random_dataset
from vla.training.options import TrainOptions


@pytest.fixture(scope="session")
def dataset_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_dataset(tmp_path_factory.mktemp("data") / "walk", episodes=6, frames=12, size=32)


@pytest.fixture(scope="session")
def base_options(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainOptions:
    import_module("tests.vla.training.toy_policy.configuration_toy")  # registers the policy
    return TrainOptions(
        dataset=str(dataset_folder),
        output=Path("unset"),
        policy={"type": "toy"},
        steps=4,
        batch_size=4,
        workers=0,
        device="cpu",
        val_fraction=0.2,
        val_samples=8,
        log_steps=1,
        checkpoint_minutes=0,
        keep_checkpoints=10,
        cache_folder=tmp_path_factory.getbasetemp() / "frames",
    )


@pytest.fixture
def options(base_options: TrainOptions, tmp_path: Path) -> TrainOptions:
    return replace(base_options, output=tmp_path / "run")
