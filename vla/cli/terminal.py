"""Lines typed at a terminal, with history and completion, while other lines are printed; or lines piped in."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

try:
    import readline
except ImportError:  # not on Windows
    readline: Any = None

HISTORY_LENGTH = 1000


class Terminal:
    """Standard input and output; use as a context manager.

    Args:
        prompt: shown where something can be typed.
        complete: returns what the last word of a line, the second argument, may become.
        history: file that keeps what was typed; None keeps nothing.

    Attributes:
        interactive: whether somebody types, and reads.
    """

    def __init__(self, prompt: str, complete: Callable[[str, str], list[str]], history: Path | None) -> None:
        self.interactive = sys.stdin.isatty() and sys.stdout.isatty()
        self._prompt, self._complete, self._history = prompt, complete, history
        self._asking = False

    def __enter__(self) -> Self:
        if self.interactive and readline is not None:
            readline.set_completer_delims(" ")
            readline.set_completer(self._completion)
            readline.parse_and_bind("tab: complete")
            if self._history is not None:
                with contextlib.suppress(OSError):
                    readline.read_history_file(self._history)
        return self

    def __exit__(self, *exception: object) -> None:
        if self.interactive and readline is not None and self._history is not None:
            readline.set_history_length(HISTORY_LENGTH)
            partial = self._history.with_name(f".{self._history.name}.{os.getpid()}")
            with contextlib.suppress(OSError):
                self._history.parent.mkdir(parents=True, exist_ok=True)
                readline.write_history_file(partial)
                partial.replace(self._history)

    def lines(self) -> Iterator[str]:
        """Yield what is typed or piped in, line by line, without empty ones."""
        while True:
            self._asking = self.interactive
            try:
                line = input(self._prompt if self.interactive else "").strip()
            except EOFError:
                return
            finally:
                self._asking = False
            if line:
                yield line

    def say(self, text: str) -> None:
        """Print above what is being typed; from any thread."""
        if self._asking and readline is not None:
            text = f"\r\033[K{text}\n{self._prompt}{readline.get_line_buffer()}"
            print(text, end="", flush=True)
        else:
            print(text, flush=True)

    def _completion(self, word: str, index: int) -> str | None:
        found = self._complete(readline.get_line_buffer().lstrip(), word)
        return f"{found[index]} " if index < len(found) else None
