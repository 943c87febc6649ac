"""`vla doctor`: what is wrong with this machine, and what mends it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict

from omegaconf import DictConfig
from rich.console import Console
from rich.text import Text

from vla.cli.options import check_range
from vla.doctor.examination import choose, examine
from vla.doctor.finding import Finding
from vla.errors import ConfigError

STYLES = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failure": ("✗", "bold red")}


def run(config: DictConfig) -> int:
    """Check, print findings as they come, and return 1 if one of them is a failure.

    Raises:
        ConfigError: an option does not fit.
        UnknownNameError: there is no such check.
    """
    check_range("time_limit", config.time_limit, 1)
    if not isinstance(config.json, bool):
        raise ConfigError(f"json={config.json} is neither true nor false")
    names = config.checks if isinstance(config.checks, str) else ",".join(map(str, config.checks))
    console = Console(quiet=config.json)
    found: list[tuple[str, Finding]] = []
    for group, findings in examine(choose(names), config.time_limit):
        for finding in findings:
            found.append((group, finding))
            console.print(line(finding))
    counts = Counter(finding.status for _, finding in found)
    if config.json:
        rows = [{"group": group, **asdict(finding)} for group, finding in found]
        print(json.dumps({"ok": not counts["failure"], "findings": rows}, indent=2, ensure_ascii=False))
    console.print(f"{counts['ok']} fine, {counts['warning']} warnings, {counts['failure']} failures", highlight=False)
    return 1 if counts["failure"] else 0


def line(finding: Finding) -> Text:
    """Return a finding as a line, and what mends it as a second one."""
    sign, style = STYLES[finding.status]
    text = Text.assemble((f"{sign} {finding.status:<7} ", style), f"{finding.name}: {finding.message}")
    if finding.mend:
        text.append(f"\n  {'mend:':<7} {finding.mend}", style="bold")
    return text
