"""The fifty tasks: tier and sentence of each, as lerobot has them, with a sentence of its own for push-back."""

from __future__ import annotations

import json

from vla.data.installed import package_folder
from vla.types import TaskInfo

VERSION = "3.0.0"
"""Of Meta-World, whose scenes and success flags these are."""
CONTROL_HZ = 80.0
HORIZON = 500
"""Steps an episode."""
TIERS = ("easy", "medium", "hard", "very_hard")
PUSH_BACK = "push-back-v3"
OWN_SENTENCES = {PUSH_BACK: "Pull the puck back to a goal"}
"""In the public dataset push-back is told what push is, and nobody could tell them apart by their sentence."""


def _tasks() -> dict[str, TaskInfo]:
    lerobot = package_folder("lerobot")
    assert lerobot is not None
    table = json.loads((lerobot / "envs/metaworld_config.json").read_text(encoding="utf-8"))
    sentences: dict[str, str] = table["TASK_DESCRIPTIONS"] | OWN_SENTENCES
    return {
        name: TaskInfo(name, tier, sentences[name], HORIZON / CONTROL_HZ)
        for tier in TIERS
        for name in table["DIFFICULTY_TO_TASKS"][tier]
    }


TASKS = _tasks()
"""Name -> task, tier by tier; the description is the sentence."""


def other_sentence(task: str, seed: int) -> str:
    """Return the sentence of a task other than ``task``: a policy that goes by it cannot succeed."""
    sentences = sorted({info.description for info in TASKS.values()} - {TASKS[task].description})
    return sentences[seed % len(sentences)]
