"""Keeps events in a file."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Self

from vla.errors import ConfigError
from vla.runtime.event_bus import Listener
from vla.runtime.events import as_json


class EventFile:
    """Appends what a listener hears to a file, one JSON object a line; use as a context manager.

    Leaving it waits until the listener has ended, and so do close what is listened to first.

    Args:
        file: where to; folders are made.
        listener: what to write.

    Raises:
        ConfigError: the file cannot be written.
    """

    def __init__(self, file: Path, listener: Listener) -> None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._file = file.open("a")
        except OSError as error:
            listener.close()
            raise ConfigError(f"events={file} cannot be written: {error}") from error
        self._listener = listener
        self._thread = threading.Thread(target=self._write, name="event file", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._thread.join()
        self._file.close()

    def _write(self) -> None:
        for event in self._listener:
            print(json.dumps(as_json(event)), file=self._file, flush=True)
