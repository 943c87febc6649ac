"""The shell blocks of a page: which commands they hold, and why some of them are not run.

A block is a fence of ``bash``. The comment ``<!-- not run: reason -->`` on the line before it says that it cannot be
run in a test, and why. All other blocks are run.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^\s*```(\w*)\s*$")
NOT_RUN = re.compile(r"^\s*<!-- not run: (\S.*?) -->\s*$")
SHELLS = ("sh", "shell", "console", "zsh")
"""Names of fences that would hide a block from the tests."""


@dataclass(frozen=True)
class Block:
    """One fence."""

    page: str
    line: int
    """Of its first command, from 1."""
    commands: tuple[str, ...]
    """Lines with something to do, continuations joined."""
    reason: str | None = None
    """Why it is not run."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def read_blocks(path: Path, name: str) -> list[Block]:
    """Return the blocks of a page in their order.

    Raises:
        ValueError: a fence is not closed or of another shell's name, or a comment precedes no block.
    """
    blocks: list[Block] = []
    reason, begun, lines, inside = None, 0, [], ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        fence, comment = FENCE.match(line), NOT_RUN.match(line)
        if fence and not inside:
            inside, begun, lines = fence[1] or "text", number + 1, []
            if inside in SHELLS:
                raise ValueError(f"{name}:{number}: write ```bash instead of ```{inside}")
            if reason is not None and inside != "bash":
                raise ValueError(f"{name}:{number}: 'not run' belongs to a block of bash")
        elif fence and inside:
            if inside == "bash":
                blocks.append(Block(name, begun, _commands(lines), reason))
            reason, inside = None, ""
        elif inside:
            lines.append(line)
        elif reason is not None:
            raise ValueError(f"{name}:{number}: 'not run' belongs on the line before a block")
        elif comment:
            reason = comment[1]
        elif "not run:" in line:
            raise ValueError(f"{name}:{number}: write <!-- not run: reason -->")
    if inside or reason is not None:
        raise ValueError(f"{name}: the last block is not closed, or is missing")
    return blocks


def words_of(command: str) -> list[str]:
    """Split a command into words as a shell does, without its comment."""
    return shlex.split(command, comments=True)


def _commands(lines: list[str]) -> tuple[str, ...]:
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return tuple(line.strip() for line in joined.splitlines() if words_of(line))
