"""Who looks at the page, and which one of them commands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vla.errors import VlaError


class NotInCommandError(VlaError):
    """Somebody wants what only the one in command may do."""


@dataclass
class People:
    """Everybody is a number. One of them commands; the others may ask for it, or take it once that one is gone.

    Browsers say who they are with a secret of their own, so that who reloads a page is still the same.
    """

    commander: int | None = None
    asking: list[int] = field(default_factory=list)
    """Who would like to command, in the order in which they asked."""
    _numbers: dict[str, int] = field(default_factory=dict)
    _pages: dict[int, int] = field(default_factory=dict)
    """Open pages of each."""

    def enter(self, secret: str) -> int:
        """Open a page; the first one there commands. Return the number."""
        number = self._numbers.setdefault(secret, len(self._numbers) + 1)
        self._pages[number] = self._pages.get(number, 0) + 1
        if self.commander is None:
            self.commander = number
        return number

    def leave(self, number: int) -> None:
        """Close a page; command is kept for who comes back before another one takes it."""
        self._pages[number] -= 1
        if not self._pages[number] and number in self.asking:
            self.asking.remove(number)

    def present(self, number: int | None) -> bool:
        """Return whether somebody has a page open."""
        return number is not None and self._pages.get(number, 0) > 0

    def require(self, number: int) -> None:
        """Make sure that somebody is in command.

        Raises:
            NotInCommandError: somebody else is, or nobody.
        """
        if number != self.commander:
            who = "nobody" if self.commander is None else f"person {self.commander}"
            raise NotInCommandError(f"{who} is in command; ask for it first")

    def ask(self, number: int) -> None:
        """Ask for command; who commands now has to agree, if still there."""
        if number == self.commander:
            return
        if not self.present(self.commander):
            self._give(number)
        elif number not in self.asking:
            self.asking.append(number)

    def hand_over(self, number: int, to: int) -> None:
        """Give command to another one who is there.

        Raises:
            NotInCommandError: it is not theirs to give.
            VlaError: there is no such person.
        """
        self.require(number)
        if not self.present(to):
            raise VlaError(f"person {to} is not there")
        self._give(to)

    def decline(self, number: int) -> None:
        """Keep command although others asked for it.

        Raises:
            NotInCommandError: it is not theirs.
        """
        self.require(number)
        self.asking.clear()

    def as_json(self) -> dict[str, Any]:
        """Return who is there."""
        return {
            "present": [number for number in self._pages if self.present(number)],
            "commander": self.commander,
            "commander_present": self.present(self.commander),
            "asking": list(self.asking),
        }

    def _give(self, number: int) -> None:
        self.commander = number
        if number in self.asking:
            self.asking.remove(number)
