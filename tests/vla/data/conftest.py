from __future__ import annotations

from pathlib import Path

import pytest

from tests.vla.data.synthetic import random_dataset


@pytest.fixture(scope="session")
def dataset_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_dataset(tmp_path_factory.mktemp("data") / "walk", episodes=6, frames=14, size=64)
