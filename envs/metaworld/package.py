"""The package ``metaworld``, which is optional, made to run with the MuJoCo that is installed."""

from __future__ import annotations

import importlib
import warnings
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import mujoco

from envs.metaworld.tasks import VERSION
from vla.errors import ConfigError

WELD = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 5.0)
"""What Meta-World sets of each weld: anchor, relative position, relative orientation, torque scale."""


def environment_class(task: str) -> type[Any]:
    """Return Meta-World's class of a task.

    Raises:
        ConfigError: the package is not installed, or in another version.
    """
    return _load("metaworld.env_dict").ALL_V3_ENVIRONMENTS[task]


def scripted_policy(task: str) -> Any:
    """Return a new scripted policy of a task, whose ``get_action`` takes the whole observation (39,).

    Raises:
        ConfigError: the package is not installed, or in another version.
    """
    return _load("metaworld.policies").ENV_POLICY_MAP[task]()


def prepare() -> None:
    """Make Meta-World's environments run with this MuJoCo, lerobot's wrapper of them included.

    MuJoCo 3.17 has a twelfth number for a constraint, at the end; Meta-World 3.0.0 assigns rows of eleven.

    Raises:
        ConfigError: the package is not installed, or in another version.
    """
    try:
        found = version("metaworld")
    except PackageNotFoundError:
        found = None
    if found != VERSION:
        here = "is not installed" if found is None else f"is here in version {found}"
        raise ConfigError(
            f"suite=metaworld_mt50 needs the package metaworld {VERSION}, which {here}: "
            "uv pip install -e '.[metaworld]'"
        )
    warnings.filterwarnings("ignore", "Constant.*too high", UserWarning)  # actions are clipped, as the experts expect
    importlib.import_module("metaworld.sawyer_xyz_env").SawyerMocapBase.reset_mocap_welds = _reset_welds


def _load(module: str) -> Any:
    prepare()
    return importlib.import_module(module)


def _reset_welds(env: Any) -> None:
    welds = env.model.eq_type == mujoco.mjtEq.mjEQ_WELD
    env.model.eq_data[welds, : len(WELD)] = WELD
