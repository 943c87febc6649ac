"""The Python examples of the how-to pages are what the code expects."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import vla.types
from envs.tabletop import drafts, tasks
from vla.language import Step

HOW_TO = Path(__file__).parents[2] / "docs/how-to"


def example(page: str) -> str:
    (block,) = re.findall(r"```python\n(.*?)```", (HOW_TO / page).read_text(), re.DOTALL)
    return block


def test_the_task_of_the_page_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = ast.parse(example("new-task.md"))
    entry = tree.body.pop()
    assert isinstance(entry, ast.Expr)
    names: dict[str, Any] = {**vars(drafts), **vars(tasks)}
    exec(compile(tree, "new-task.md", "exec"), names)
    monkeypatch.setattr(drafts, "draw_press_pick", names["draw_press_pick"], raising=False)
    name, task = eval(compile(ast.Expression(entry.value), "new-task.md", "eval"), names)
    monkeypatch.setitem(tasks.TASKS, name, task)
    for seed in range(5):
        drawn = tasks.assign(name, seed)
        press, pick = drawn.steps
        assert press == Step("press", "button") and pick.skill == "pick"
        assert drawn.instruction == f"press the button, then pick up the {pick.object}"
    assert "hit the button, then take" in tasks.assign(name, 0, "test").instruction


@pytest.mark.parametrize(
    ("page", "name", "protocol"),
    [("new-robot.md", "MyRobot", vla.types.Robot), ("new-planner.md", "MyPlanner", vla.types.Planner)],
)
def test_the_classes_of_the_pages_have_what_their_protocols_ask_for(page: str, name: str, protocol: Any) -> None:
    names: dict[str, Any] = {**vars(vla.types), "np": np, "NDArray": NDArray, "Sequence": Sequence}
    exec(example(page), names)
    made = names[name]
    for attribute in protocol.__annotations__:
        assert hasattr(made, attribute), f"{name} lacks {attribute}"
    methods = {key: value for key, value in vars(protocol).items() if inspect.isfunction(value) and key[0] != "_"}
    assert methods
    for key, method in methods.items():
        expected = list(inspect.signature(method).parameters.values())
        found = list(inspect.signature(getattr(made, key)).parameters.values())
        assert [(p.name, p.kind, p.default) for p in found] == [(p.name, p.kind, p.default) for p in expected], key
