"""Hands over to scripts of lerobot, with our names for ports, arms and cameras translated to theirs."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence
from typing import Any, Literal

from omegaconf import DictConfig, OmegaConf

from vla.errors import ConfigError

Side = Literal["robot", "leader"]
KINDS = {"robot": ("robot", "so101_follower"), "leader": ("teleop", "so101_leader")}
"""Our config group -> lerobot's, and lerobot's name of the arm."""


def arm_arguments(config: DictConfig, side: Side, *, cameras: bool = True) -> list[str]:
    """Return lerobot's arguments for an arm.

    Args:
        config: with the groups ``robot`` and ``leader``.
        side: which of them.
        cameras: whether the arm's cameras are wanted, too.

    Raises:
        ConfigError: it is no real arm, or its port is not given.
    """
    options: Any = OmegaConf.to_container(config[side])
    group, kind = KINDS[side]
    if options["name"] != "so101":
        raise ConfigError(f"{side}={options['name']} is no real arm; valid: so101")
    if not options["port"]:
        raise ConfigError(f"{side}.port= must be given: the serial port of the arm, as lerobot-find-port shows it")
    arguments = [f"--{group}.type={kind}", f"--{group}.port={options['port']}", f"--{group}.id={options['id']}"]
    if options["calibration_dir"]:
        arguments.append(f"--{group}.calibration_dir={options['calibration_dir']}")
    if cameras and options.get("cameras"):
        arguments.append(f"--{group}.cameras={json.dumps(options['cameras'])}")
    return arguments


def hand_over(script: str, arguments: Sequence[str], config: DictConfig) -> int:
    """Become a script of lerobot; with ``dry_run`` only print its command, and return 0.

    Args:
        script: name of a module in ``lerobot.scripts``.
        arguments: ours, translated.
        config: with ``dry_run``, and ``lerobot`` for what follows unchanged.
    """
    arguments = [*arguments, *map(str, config.lerobot)]
    print(shlex.join([script.replace("_", "-"), *arguments]), flush=True)
    if config.dry_run:
        return 0
    os.execv(sys.executable, [sys.executable, "-m", f"lerobot.scripts.{script}", *arguments])


def flag(value: object) -> str:
    """Return a truth value in lerobot's words."""
    return "true" if value else "false"
