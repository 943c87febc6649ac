"""Runs the commands of a page, or checks those that are not run."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.docs.blocks import words_of
from tests.docs.reductions import REDUCED
from vla.cli import config
from vla.cli.commands import COMMANDS, FAMILIES, Command
from vla.cli.main import main

ROOT = Path(__file__).parents[2]
SECONDS = 60
"""Time that a command other than ours may take [s]."""


def check(command: str) -> None:
    """Check a command without running it: our own compose their configuration, others parse.

    Raises:
        VlaError: an option does not exist, or a value does not fit.
        AssertionError: the shell does not parse it, or there is no such target.
    """
    words = words_of(command)
    if words[0] == "vla":
        if not _asks_for_help(words):
            ours, arguments = find_command(words[1:])
            config.load(ours, arguments)
        return
    parsed = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True)
    assert parsed.returncode == 0, f"{command}: {parsed.stderr}"
    if words[0] == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert set(words[1:]) <= set(targets), f"{command}: the targets are {targets}"


def run(command: str, folder: Path) -> None:
    """Run a command, reduced, in ``folder``, which is the working directory; ``check`` looks at it as it stands.

    Raises:
        AssertionError: it fails.
    """
    words = words_of(command)
    if words[0] != "vla":
        done = subprocess.run(
            ["bash", "-e", "-c", command], capture_output=True, text=True, cwd=folder, timeout=SECONDS
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return
    arguments, codes = words[1:], (0,)
    if not _asks_for_help(words):
        ours, rest = find_command(arguments)
        arguments = [*ours.name.split(), *reduce_arguments(ours, rest)]
        codes = REDUCED[ours.name].codes if ours.name in REDUCED else codes
    code = main(arguments)
    assert code in codes, f"{command}: exit code {code}, run as vla {' '.join(arguments)}"


def find_command(words: Sequence[str]) -> tuple[Command, list[str]]:
    """Return the command that ``words`` after ``vla`` name, and its arguments."""
    size = 2 if words[0] in FAMILIES else 1
    name = " ".join(words[:size])
    assert name in COMMANDS, f"there is no command vla {name}"
    return COMMANDS[name], list(words[size:])


def reduce_arguments(command: Command, arguments: Sequence[str]) -> list[str]:
    """Return the arguments with those of the reduction instead of the page's own."""
    if command.name not in REDUCED:
        return list(arguments)
    options = REDUCED[command.name].options
    keys = {option.split("=")[0] for option in options}
    return [*(argument for argument in arguments if argument.split("=")[0] not in keys), *options]


def _asks_for_help(words: Sequence[str]) -> bool:
    return bool({"-h", "--help"} & set(words))
