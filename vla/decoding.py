"""Options as the dataclasses that they describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vla.errors import ConfigError


def decode[T](kind: type[T], options: Mapping[str, Any], what: str) -> T:
    """Return options as a dataclass, with nested ones and lerobot's choices by ``type``.

    Args:
        kind: the dataclass.
        options: its fields, as plain values.
        what: what they are options of, for people.

    Raises:
        ConfigError: a field does not exist, or a value does not fit it.
    """
    import draccus

    try:
        return draccus.decode(kind, dict(options))
    except (draccus.utils.DecodingError, ValueError, TypeError) as error:
        raise ConfigError(f"{what}: {error}") from error
