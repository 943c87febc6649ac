from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.vla.data.inspection.datasets import write


@pytest.fixture(scope="module")
def made_with_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("images") / "made", video=False)


@pytest.fixture(scope="module")
def made_with_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("video") / "made", video=True)


@pytest.fixture
def made(made_with_images: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_with_images, tmp_path / "made"))
