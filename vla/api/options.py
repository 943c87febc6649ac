"""The options of a session are those of ``vla command``: the same names, the same defaults, the same errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vla.cli import config
from vla.cli.commands import COMMANDS
from vla.errors import ConfigError, UnknownNameError


def session_config(choices: Mapping[str, object], options: Mapping[str, Any]) -> DictConfig:
    """Return the configuration of ``vla command`` with what is chosen.

    Args:
        choices: config groups and plain options.
        options: dotted names of options that are there, and their values.

    Raises:
        VlaError: a name does not exist, or a value does not fit.
    """
    settings = config.load(COMMANDS["command"], [f"{name}={value}" for name, value in choices.items()])
    for name, value in options.items():
        group, _, last = name.rpartition(".")
        known = OmegaConf.select(settings, group) if group else settings
        if not isinstance(known, DictConfig) or last not in known:
            prefix = f"{group}." if isinstance(known, DictConfig) and group else ""
            names = known if isinstance(known, DictConfig) else settings
            raise UnknownNameError("option", name, [f"{prefix}{key}" for key in names])
        try:
            OmegaConf.update(settings, name, value, merge=False)
        except OmegaConfBaseException as error:
            raise ConfigError(f"{name}={value}: {error}") from error
    return settings
