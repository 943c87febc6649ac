"""The ledger: one line for every evaluation that was started, whatever became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LEDGER = "ledger.jsonl"


def append_to_ledger(folder: Path, entry: Mapping[str, Any]) -> Path:
    """Append one run to the ledger in ``folder``, with the date; return the ledger's path."""
    folder.mkdir(parents=True, exist_ok=True)
    ledger = folder / LEDGER
    line = json.dumps({"date": datetime.now(UTC).isoformat(timespec="seconds"), **entry}, ensure_ascii=False)
    with ledger.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    return ledger
