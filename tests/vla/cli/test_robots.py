"""What a robot that is ready knows of its task."""

from __future__ import annotations

import pytest

from vla.cli.commands import COMMANDS
from vla.cli.config import load
from vla.cli.robots import open_robot


@pytest.mark.parametrize(
    ("instruction", "verdict"), [("press the button", False), ("take what stands nearest to the bowl", None)]
)
def test_a_simulated_arm_tells_success_of_words_that_it_understands(instruction: str, verdict: bool | None) -> None:
    config = load(COMMANDS["deploy"], [instruction, "planner=vlm", "seed=4"])
    with open_robot(config, instruction, 4) as deployment:
        assert deployment.succeeded() is verdict
