"""Simulation speed: control steps with frames from all cameras, in this process on one core.

The peer is the SO-101 environment of the package ``lerobot-env-so101`` with its one front camera at the same size and
its own control period; physics alone of ours is a row too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from vla.bench.report import Report, Row, ratios, row

OURS, PHYSICS, PEER = "ours, two cameras", "ours, physics only", "lerobot-env-so101, one camera"
TURN = 50
"""Steps a subject makes before the next one's turn."""


def run(config: DictConfig) -> Report:
    """Measure the suite's simulation; see ``configs/bench.yaml``."""
    os.environ.setdefault("LP_NUM_THREADS", "1")  # software rendering on one core
    with _one_core():
        return _measure(config)


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep this process on one core, where the system allows it."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _measure(config: DictConfig) -> Report:
    from envs.suites import load_suite

    options = OmegaConf.to_container(config.env)
    assert isinstance(options, dict)
    simulation: Any = load_suite(config.suite).make(**{str(key): value for key, value in options.items()})
    simulation.reset("pick", config.seed)
    pose = simulation.observe(images=False).state

    def with_frames() -> None:
        simulation.step(pose)
        simulation.observe()

    subjects: dict[str, Callable[[], object]] = {OURS: with_frames, PHYSICS: lambda: simulation.step(pose)}
    if config.suite == "tabletop":
        subjects[PEER] = _peer(simulation.image_size, config.seed)
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for step in subjects.values():
        for _ in range(5):
            step()
    for _ in range(max(1, config.calls // TURN)):
        for name, step in subjects.items():
            for _ in range(TURN):
                start = time.perf_counter()
                step()
                seconds[name].append(time.perf_counter() - start)
    simulation.close()
    rows: dict[str, Row] = {name: row(values, 1) for name, values in seconds.items()}
    settings = {"env": options, "cores": 1, "backend": os.environ.get("MUJOCO_GL", "")}
    return Report("simulation", "steps", rows, ratios(rows, OURS), settings)


def _peer(image_size: tuple[int, int], seed: int) -> Callable[[], object]:
    import gymnasium as gym
    from lerobot_env_so101.mujoco_env import GymRenderingSpec
    from lerobot_env_so101.pick_env import SO101PickCubeGymEnv

    env: gym.Env = SO101PickCubeGymEnv(image_obs=True, render_spec=GymRenderingSpec(*image_size))
    env.reset(seed=seed)
    still = np.zeros(env.action_space.shape or (), np.float32)
    return lambda: env.step(still)
