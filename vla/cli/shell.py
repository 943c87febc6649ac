"""What can be typed in the shell: the commands with a slash, and the words that complete a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

from vla.api.session import Session
from vla.errors import ConfigError, UnknownNameError
from vla.language.lexicon import COLOUR_WORDS, NOUNS, VERBS
from vla.language.vocabulary import DIRECTIONS

JOINING = ("all", "and", "in", "of", "on", "the", "then", "to")


class Leave(Exception):
    """The shell is to end."""


@dataclass(frozen=True)
class Slash:
    """A command that begins with a slash."""

    argument: str
    """What may follow, for people; empty for nothing."""
    summary: str
    act: Callable[[Session, str], str]
    """Does it, and returns what to say."""


def obey(session: Session, line: str) -> str:
    """Carry a line with a slash out; return what to say.

    Raises:
        Leave: the shell is to end.
        VlaError: there is no such command, or it is not possible.
    """
    name, _, argument = line.partition(" ")
    if name not in SLASHES:
        raise UnknownNameError("command", name, SLASHES)
    if argument.strip() and not SLASHES[name].argument:
        raise ConfigError(f"{name} takes nothing after it, not {argument.strip()!r}")
    return SLASHES[name].act(session, argument.strip())


def complete(line: str, word: str) -> list[str]:
    """Return what the last word of a line may become.

    Args:
        line: what is typed so far.
        word: its last word, as far as it goes.
    """
    if line.startswith("/") and " " not in line:
        return [name for name in SLASHES if name.startswith(line)]
    return [known for known in WORDS if known.startswith(word.lower())]


def _stop(session: Session, argument: str) -> str:
    session.stop("typed /stop")
    return ""


def _resume(session: Session, argument: str) -> str:
    session.resume()
    return ""


def _reset(session: Session, argument: str) -> str:
    if argument and not argument.isdecimal():
        raise ConfigError(f"/reset takes a seed, a number from 0 on, not {argument!r}")
    session.reset(int(argument) if argument else None)
    return ""


def _ask(session: Session, argument: str) -> str:
    return str(session.ask(argument))


def _status(session: Session, argument: str) -> str:
    return str(session.status())


def _help(session: Session, argument: str) -> str:
    rows = [(f"{name} {slash.argument}".strip(), slash.summary) for name, slash in SLASHES.items()]
    width = max(len(usage) for usage, _ in rows)
    return "\n".join(
        ["anything else is an instruction: put the red cube in the bowl, then press the button"]
        + [f"  {usage:<{width}}  {summary}" for usage, summary in rows]
    )


def _quit(session: Session, argument: str) -> str:
    raise Leave


SLASHES = {
    "/stop": Slash("", "bring the arm to rest, until /resume", _stop),
    "/resume": Slash("", "let the arm move again", _resume),
    "/reset": Slash("[seed]", "draw the scene of a seed, or the same one again", _reset),
    "/ask": Slash("<question>", "ask the planner about the scene", _ask),
    "/status": Slash("", "say what is going on", _status),
    "/help": Slash("", "show this", _help),
    "/quit": Slash("", "leave", _quit),
}
WORDS = sorted(
    set(chain.from_iterable(phrases.replace(",", "").split() for phrases in VERBS.values()))
    | set(COLOUR_WORDS)
    | set(chain.from_iterable(NOUNS.values()))
    | set(DIRECTIONS)
    | set(JOINING)
)
"""Words of the suite's language."""
