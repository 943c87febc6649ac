"""Every shell block of the README and of the how-to pages runs, and fits as it stands, also where it is not run."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.docs.blocks import Block, read_blocks, words_of
from tests.docs.reductions import REDUCED
from tests.docs.running import ROOT, check, find_command, reduce_arguments, run
from tests.vla.data.synthetic import random_dataset
from vla.cli.commands import COMMANDS
from vla.errors import VlaError

PAGES = [
    "README.md",
    "docs/index.md",
    *(f"docs/how-to/{path.name}" for path in sorted((ROOT / "docs/how-to").glob("*"))),
]
GIVEN = {"docs/how-to/own-dataset.md": "outputs/data/mine"}
"""Page -> where the reader's own dataset is, which no command of the page makes."""


DONE: set[str] = set()
"""Commands of several pages that have been run on one of them."""


def stands_alone(command: str) -> bool:
    """Whether a command carries an instruction out with nothing that the page has made."""
    return words_of(command)[1:2] in (["run"], ["deploy"]) and "outputs/" not in command


def command_line(command: str) -> str:
    return shlex.join(words_of(command))


def blocks_of(page: str) -> list[Block]:
    return read_blocks(ROOT / page, page)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_run(
    page: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "checkpoints").symlink_to(ROOT / "checkpoints")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    if page in GIVEN:
        random_dataset(tmp_path / GIVEN[page], episodes=3, frames=12, size=64)
    for block in blocks_of(page):
        for command in block.commands:
            if block.reason is None and command_line(command) not in DONE:
                print(f"{block}: {command}", flush=True)
                run(command, tmp_path)
                if stands_alone(command):
                    DONE.add(command_line(command))


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_right_as_they_stand(page: str) -> None:
    for block in blocks_of(page):
        for command in block.commands:
            try:
                check(command)
            except VlaError as error:
                pytest.fail(f"{block}: {command}: {error}")


def test_most_blocks_are_run() -> None:
    every = [block for page in PAGES for block in blocks_of(page)]
    assert sum(block.reason is None for block in every) > len(every) / 2
    assert all(block.commands for block in every)


def test_reductions_are_of_commands_that_are_used_and_fit() -> None:
    used = {
        words[1]
        for page in PAGES
        for block in blocks_of(page)
        if block.reason is None
        for command in block.commands
        if (words := command.split())[0] == "vla" and "--help" not in words
    }
    assert set(REDUCED) <= used
    assert all(reduction.why for reduction in REDUCED.values())


def test_a_reduction_takes_the_place_of_what_it_names() -> None:
    given = ["tasks=all", "output=x", "episodes=60", "perturb=0.8"]
    reduced = reduce_arguments(COMMANDS["collect"], given)
    assert reduced == ["output=x", "perturb=0.8", "tasks=press", "episodes=2", "workers=1"]
    assert reduce_arguments(COMMANDS["merge"], ["output=x"]) == ["output=x"]


def page_of(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "page.md"
    path.write_text(text)
    return path


def test_blocks_are_found_with_their_reasons(tmp_path: Path) -> None:
    text = 'a\n```bash\n# only this\nvla run "x # y" \\\n  seed=3   # why\n\nls\n```\n'
    text += "<!-- not run: a, b -->\n```bash\nvla x\n```\n"
    first, second = read_blocks(page_of(tmp_path, f"{text}```python\nx\n```\n"), "p")
    assert first == Block("p", 3, ('vla run "x # y" seed=3   # why', "ls"))
    assert second == Block("p", 11, ("vla x",), "a, b")
    assert find_command(["vlm", "eval", "a=1"]) == (COMMANDS["vlm eval"], ["a=1"])


@pytest.mark.parametrize(
    "text",
    [
        "```sh\nls\n```\n",
        "```bash\nls\n",
        "<!-- not run: x -->\n",
        "<!-- not run: x -->\n\n```bash\nls\n```\n",
        "<!-- not run: x -->\n```python\nls\n```\n",
        "<!-- not run: -->\n```bash\nls\n```\n",
        "<!-- not run x -->\n<!--not run: y-->\n```bash\nls\n```\n",
    ],
)
def test_what_could_hide_a_block_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"^p:"):
        read_blocks(page_of(tmp_path, text), "p")


@pytest.mark.parametrize(
    "command",
    ["vla rum x", "vla run", "vla run x sed=3", "vla eval planner=oracel", "make demi", "ls 'x", "vla serve prot=3"],
)
def test_wrong_commands_are_not_right(command: str) -> None:
    with pytest.raises((VlaError, AssertionError, ValueError)):
        check(command)


@pytest.mark.parametrize("command", ["vla merge datasets=[a,b] output=c", "false", "ls nowhere"])
def test_failing_commands_fail(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssertionError):
        run(command, tmp_path)
