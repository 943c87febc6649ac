"""What pages may ask for, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vla.errors import ConfigError, UnknownNameError

LONGEST_TEXT = 500
"""[characters]"""
LARGEST_SEED = 2**31 - 1
ASKED_OF_ROBOT = ("command", "question", "resume", "reset", "robot", "record")
"""What only the one in command may ask for, and the robot's process does."""


def checked(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the robot's process is to do, with nothing in it that it does not know.

    Raises:
        ConfigError: something is missing, or of the wrong kind.
    """
    match dict(message):
        case {"do": "command" | "question" as what, "text": str(text)}:
            text = " ".join(text.split())
            if not text:
                raise ConfigError(f"the {'instruction' if what == 'command' else 'question'} is empty")
            if len(text) > LONGEST_TEXT:
                raise ConfigError(f"{len(text)} characters are more than {LONGEST_TEXT}")
            return {"do": what, "text": text}
        case {"do": "resume"}:
            return {"do": "resume"}
        case {"do": "reset", "seed": None}:
            return {"do": "reset", "seed": None}
        case {"do": "reset", "seed": int(seed)} if not isinstance(seed, bool):
            if not 0 <= seed <= LARGEST_SEED:
                raise ConfigError(f"seed={seed} must be between 0 and {LARGEST_SEED}")
            return {"do": "reset", "seed": seed}
        case {"do": "robot", "name": str(name), "port": str(port)}:
            return {"do": "robot", "name": name, "port": port.strip()[:LONGEST_TEXT]}
        case {"do": "record", "on": bool(on)}:
            return {"do": "record", "on": on}
        case {"do": str(what)} if what in ASKED_OF_ROBOT:
            raise ConfigError(f"{what} lacks something, or has too much: {', '.join(map(str, message))}")
    raise UnknownNameError("request", str(message.get("do")), ASKED_OF_ROBOT)
