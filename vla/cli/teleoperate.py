"""`vla teleoperate`: lerobot's teleoperation, with our options."""

from __future__ import annotations

from omegaconf import DictConfig

from vla.cli.hand_over import arm_arguments, flag, hand_over
from vla.cli.options import check_range


def run(config: DictConfig) -> int:
    """Have the follower do what the leader does."""
    hz = config.robot.get("control_hz", 30.0)
    check_range("robot.control_hz", hz, 1)
    arms = [*arm_arguments(config, "robot"), *arm_arguments(config, "leader")]
    return hand_over(
        "lerobot_teleoperate", [*arms, f"--fps={round(hz)}", f"--display_data={flag(config.display)}"], config
    )
