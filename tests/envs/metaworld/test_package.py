from importlib.metadata import PackageNotFoundError

import pytest

from envs.metaworld import package
from envs.metaworld.simulation import MetaworldSimulation
from vla.errors import ConfigError


def absent(name: str) -> str:
    raise PackageNotFoundError(name)


@pytest.mark.parametrize(
    ("version", "message"),
    [(absent, "which is not installed"), (lambda name: "3.1.1", "which is here in version 3.1.1")],
)
def test_a_package_that_is_missing_or_another_is_named(monkeypatch, version, message):
    monkeypatch.setattr(package, "version", version)
    with pytest.raises(ConfigError, match=rf"metaworld 3\.0\.0, {message}: uv pip install"):
        MetaworldSimulation()
