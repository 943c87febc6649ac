from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def toy_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained policy that fits the toy suite's robot."""
    from tests.helpers.checkpoints import SMALL_ACT, save_checkpoint

    folder = tmp_path_factory.mktemp("toy_checkpoint")
    return save_checkpoint(folder, "act", size=32, chunk_size=8, n_action_steps=2, latent_dim=4, **SMALL_ACT)
