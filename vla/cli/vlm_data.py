"""``vla vlm data``: questions about a suite's scenes, with answers, for training a vision-language model."""

from __future__ import annotations

from omegaconf import DictConfig


def run(config: DictConfig) -> int:
    """Write the shards that are missing, and the sample page."""
    raise NotImplementedError
