"""Reads the options that several commands share, and says which value is wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from omegaconf import DictConfig, OmegaConf

from vla.cli.rollouts import EXPERT, PlannerSpec
from vla.errors import ConfigError, UnknownNameError
from vla.serve.address import is_remote
from vla.types import TaskInfo

if TYPE_CHECKING:
    from envs.suites import Suite

MEASURED = "measured"
"""Given as ``planner.latency=``, charges the planner what its answers take; null is the same."""
FIRST_TEST_SEED = 1_000_000
"""Demonstrations are recorded below this seed, evaluations run from it on."""


def select_tasks(suite: Suite, config: DictConfig) -> list[TaskInfo]:
    """Return the tasks that ``tasks=`` names: ``all``, a group, or names as ``a,b`` or ``[a,b]``."""
    tasks = config.tasks
    return suite.select(",".join(map(str, tasks)) if OmegaConf.is_list(tasks) else str(tasks))


def env_options(config: DictConfig) -> dict[str, Any]:
    """Return the options of the simulation: the config group ``env``, with tuples for lists."""
    group = OmegaConf.to_container(config.get("env") or OmegaConf.create({}))
    assert isinstance(group, dict)
    return {str(name): tuple(value) if isinstance(value, list) else value for name, value in group.items()}


def output_file(path: str | Path) -> Path:
    """Return the file to write.

    Raises:
        ConfigError: it is a folder.
    """
    output = Path(path)
    if output.is_dir():
        raise ConfigError(f"output={output} is a folder; name the file to write")
    return output


def planner_spec(config: DictConfig) -> PlannerSpec:
    """Return the choice of the config group ``planner``.

    Raises:
        ConfigError: the period or the latency makes no sense.
    """
    group = OmegaConf.to_container(config.planner)
    assert isinstance(group, dict)
    values = {str(key): value for key, value in group.items()}
    latency = values.pop("latency")
    spec = PlannerSpec(values.pop("name"), values.pop("period"), None if latency == MEASURED else latency, values)
    if spec.period <= 0:
        raise ConfigError(f"planner.period={spec.period} must be above 0")
    if spec.latency is not None:
        check_range("planner.latency", spec.latency, 0)
    return spec


def wording(config: DictConfig) -> Literal["train", "test"]:
    """Return the choice of wordings."""
    match config.wording:
        case "train" | "test" as choice:
            return choice
    raise UnknownNameError("wording", str(config.wording), ["train", "test"])


def rerun_target(config: DictConfig, output: Path) -> str | None:
    """Return where ``rerun=`` wants the run logged: a file, beside ``output`` for ``true``, or ``spawn``; None if not.

    Raises:
        ConfigError: it is something else.
    """
    from vla.runtime.rerun_log import check_target

    if config.rerun is None or config.rerun is False:
        return None
    target = str(output.with_suffix(".rrd")) if config.rerun is True else str(config.rerun)
    check_target(target)
    return target


def worker_count(config: DictConfig) -> int:
    """Return the number of processes; one per core unless given."""
    from vla.runtime.workers import default_workers

    if config.workers is None:
        return default_workers()
    check_range("workers", config.workers, 1)
    return int(config.workers)


def check_range(name: str, value: float, low: float, high: float = float("inf")) -> None:
    """Raise a ConfigError unless ``low <= value <= high``."""
    if not isinstance(value, int | float) or not low <= value <= high:
        bounds = f"at least {low}" if high == float("inf") else f"between {low} and {high}"
        raise ConfigError(f"{name}={value} must be {bounds}")


def weights_digest(policy: str) -> str | None:
    """Return a digest of a checkpoint's weights, by which a retrained policy in the same folder is told apart.

    None for weights that are not here: of the expert, which has none, and of a policy server.
    """
    if policy == EXPERT or is_remote(policy):
        return None
    from vla.runtime.checkpoint import find_checkpoint

    weights = find_checkpoint(policy) / "model.safetensors"
    if not weights.is_file():
        return None
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
