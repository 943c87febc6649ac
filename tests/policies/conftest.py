from __future__ import annotations

from pathlib import Path

import pytest

from tests.policies.helpers import write_motion


@pytest.fixture(scope="session")
def motion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the action and state columns of a small dataset."""
    return write_motion(tmp_path_factory.mktemp("motion"))
