"""`vla calibrate`: lerobot's calibration, with our options."""

from __future__ import annotations

from omegaconf import DictConfig

from vla.cli.hand_over import Side, arm_arguments, hand_over
from vla.errors import UnknownNameError

ARMS: dict[str, Side] = {"follower": "robot", "leader": "leader"}


def run(config: DictConfig) -> int:
    """Calibrate ``arm=``."""
    if config.arm not in ARMS:
        raise UnknownNameError("arm", str(config.arm), ARMS)
    return hand_over("lerobot_calibrate", arm_arguments(config, ARMS[config.arm], cameras=False), config)
