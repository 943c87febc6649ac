"""What a page says of where its results come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNKNOWN = "not recorded"


@dataclass(frozen=True)
class Origin:
    """Command and machine of one run."""

    name: str
    command: str
    facts: tuple[tuple[str, str], ...]
    """Name and value, in the order in which they are shown."""


def origin(name: str, values: Mapping[str, Any]) -> Origin:
    """Read an origin from a result's ``command``, ``versions``, ``provenance``, and ``seed`` if there is one.

    Results that lack some of them are fine.
    """
    made = values.get("provenance", {})
    cores = f", {made['cores']} cores" if "cores" in made else ""
    facts = {
        "date": made.get("date", UNKNOWN),
        "commit": made.get("commit") or UNKNOWN,
        "CPU": made.get("cpu", UNKNOWN) + cores,
        "GPU": ", ".join(made.get("gpu", [])) or ("none" if "gpu" in made else UNKNOWN),
        "system": made.get("system", UNKNOWN),
        "versions": ", ".join(f"{package} {version}" for package, version in values.get("versions", {}).items())
        or UNKNOWN,
    }
    if "seed" in values:
        facts = {"seed": str(values["seed"])} | facts
    return Origin(name, values.get("command", UNKNOWN), tuple(facts.items()))


def flatten(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested options as rows of dotted name and text; those that are None are left out."""
    rows = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows += flatten(value, f"{prefix}{name}.")
        elif value is not None:
            text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            rows.append((f"{prefix}{name}", text))
    return rows
