"""A lerobot camera that shows what a bus twin's camera sees; lerobot looks for ``TwinCamera`` in a module so named."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from lerobot.cameras import Camera, CameraConfig
from lerobot.utils.errors import DeviceNotConnectedError
from numpy.typing import NDArray

Source = Callable[[], tuple[Mapping[str, NDArray[np.uint8]], float]]
"""Returns the newest frames by camera, and when they were taken on ``time.monotonic`` [s]."""

SOURCES: dict[str, Source] = {}
"""Name of a twin in this process -> where its frames come from."""


@CameraConfig.register_subclass("bus_twin")
@dataclass(kw_only=True)
class TwinCameraConfig(CameraConfig):
    """Which camera of which twin."""

    twin: str
    camera: str


class TwinCamera(Camera):
    """Shows the newest frame."""

    def __init__(self, config: TwinCameraConfig) -> None:
        super().__init__(config)
        self._config = config
        self._connected = False
        self.latest_timestamp: float | None = None
        """When the newest frame was taken on ``time.perf_counter`` [s], as lerobot's cameras say it."""

    @property
    def is_connected(self) -> bool:
        """Whether ``connect`` was called."""
        return self._connected

    @staticmethod
    def find_cameras() -> list[dict[str, Any]]:
        """Return the cameras of the twins in this process."""
        return [
            {"type": "bus_twin", "id": f"{twin}/{camera}"} for twin, source in SOURCES.items() for camera in source()[0]
        ]

    def connect(self, warmup: bool = True) -> None:
        """Find the twin, and take over its frame size."""
        if self._config.twin not in SOURCES:
            raise ConnectionError(f"no bus twin {self._config.twin!r} in this process")
        self._connected = True
        self.height, self.width = self.read().shape[:2]

    def read(self) -> NDArray[np.uint8]:
        """Return the newest frame, RGB (H, W, 3)."""
        return self.read_latest(max_age_ms=5000)

    def async_read(self, timeout_ms: float = 200) -> NDArray[np.uint8]:
        """Return the newest frame; it is there already."""
        return self.read_latest(max_age_ms=5000)

    def read_latest(self, max_age_ms: int = 500) -> NDArray[np.uint8]:
        """Return the newest frame.

        Raises:
            DeviceNotConnectedError: not connected.
            TimeoutError: it is older than ``max_age_ms``.
        """
        if not self._connected:
            raise DeviceNotConnectedError(f"camera {self._config.camera} is not connected")
        frames, taken = SOURCES[self._config.twin]()
        age = 1e3 * (time.monotonic() - taken)
        self.latest_timestamp = time.perf_counter() - 1e-3 * age
        if self._config.camera not in frames or age > max_age_ms:
            raise TimeoutError(f"no frame of camera {self._config.camera} for more than {max_age_ms} ms")
        return frames[self._config.camera]

    def disconnect(self) -> None:
        """Stop showing frames."""
        self._connected = False
