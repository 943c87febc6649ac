"""`vla merge`: several LeRobot datasets become one."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from vla.data.merging import merge
from vla.errors import ConfigError


def run(config: DictConfig) -> int:
    """Write all episodes of ``datasets=`` to ``output=``."""
    names = config.datasets
    if isinstance(names, str):
        names = names.split(",")
    if not all(isinstance(name, str) for name in names):
        raise ConfigError(f"datasets={config.datasets}: name folders or hub ids, e.g. datasets=[a,b]")
    output = Path(config.output)
    merged = merge([name.strip() for name in names], output)
    print(f"wrote {merged.meta.total_episodes} episodes, {merged.meta.total_frames} frames, to {output}")
    return 0
