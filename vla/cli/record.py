"""`vla record`: lerobot's recording of demonstrations, with our options."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from vla.cli.hand_over import arm_arguments, flag, hand_over
from vla.cli.options import check_range
from vla.errors import ConfigError


def run(config: DictConfig) -> int:
    """Record ``episodes=`` demonstrations of ``instruction=``.

    Raises:
        ConfigError: the folder exists and is not to be resumed, or the other way round, or an option makes no sense.
    """
    output, instruction = Path(config.output), str(config.instruction).strip()
    if not instruction:
        raise ConfigError("the instruction is empty")
    for name in ("episodes", "fps"):
        check_range(name, config[name], 1)
    check_range("episode_seconds", config.episode_seconds, 0.1)
    check_range("reset_seconds", config.reset_seconds, 0)
    if output.exists() and not config.resume:
        raise ConfigError(f"output={output} exists; name a folder that does not, or resume=true to add to it")
    if config.resume and not (output / "meta/info.json").is_file():
        raise ConfigError(f"resume=true, but {output} holds no dataset")
    if config.push_to_hub and not config.repo_id:
        raise ConfigError("push_to_hub=true needs repo_id=<user>/<name>")
    dataset = {
        "repo_id": config.repo_id or f"local/{output.resolve().name}",
        "root": output,
        "single_task": instruction,
        "num_episodes": config.episodes,
        "episode_time_s": config.episode_seconds,
        "reset_time_s": config.reset_seconds,
        "fps": config.fps,
        "push_to_hub": flag(config.push_to_hub),
        "no_stamp": "true",
    }
    arguments = [*arm_arguments(config, "robot"), *arm_arguments(config, "leader")]
    arguments += [f"--dataset.{name}={value}" for name, value in dataset.items()]
    arguments += [f"--resume={flag(config.resume)}", f"--display_data={flag(config.display)}"]
    return hand_over("lerobot_record", arguments, config)
