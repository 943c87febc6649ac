"""Python and the packages, against the bounds of ``pyproject.toml``."""

from __future__ import annotations

import platform
import tomllib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from vla.doctor.finding import Finding, failure, ok
from vla.provenance import CHECKOUT

PROJECT = "lerobot_policy_vla"
MEND = "make setup"


def check(seconds: float) -> list[Finding]:
    """Check Python and all packages."""
    python, requirements = bounds(CHECKOUT / "pyproject.toml")
    return [check_python(platform.python_version(), python), *check_packages(requirements)]


def bounds(pyproject: Path) -> tuple[str, list[str]]:
    """Return the bounds of Python and the requirements: those of the checkout, else of the installed package."""
    if pyproject.is_file():
        project = tomllib.loads(pyproject.read_text(encoding="utf-8")).get("project", {})
        if project.get("name") == PROJECT:
            return project["requires-python"], project["dependencies"]
    about = metadata.metadata(PROJECT)
    required = [text for text in metadata.requires(PROJECT) or () if "extra ==" not in text]
    return about["Requires-Python"] or "", required


def check_python(version: str, bound: str) -> Finding:
    """Check the version of the running Python."""
    if SpecifierSet(bound).contains(version, prereleases=True):
        return ok("python", f"Python {version}")
    return failure("python", f"Python {version} is not {bound}", f"rm -r .venv && {MEND}")


def check_packages(requirements: Sequence[str]) -> list[Finding]:
    """Return one finding for all packages that fit, and one for each that does not."""
    needed = [Requirement(text) for text in requirements]
    needed = [requirement for requirement in needed if requirement.marker is None or requirement.marker.evaluate()]
    findings = [finding for requirement in needed if (finding := check_package(requirement)) is not None]
    fit = len(needed) - len(findings)
    return [*findings, ok("packages", f"{fit} packages are within their bounds")] if fit else findings


def check_package(requirement: Requirement) -> Finding | None:
    """Return what is wrong with a package, or None."""
    mend = f'{MEND}, or install "{requirement}"'
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return failure(requirement.name, f"{requirement.name} is not installed", mend)
    if requirement.specifier.contains(version, prereleases=True):
        return None
    return failure(requirement.name, f"{requirement.name} {version} is not {requirement.specifier}", mend)
