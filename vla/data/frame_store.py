"""Losslessly compressed frames in one file, any of which can be read at once.

A store is a folder: ``frames.bin`` holds the compressed frames one after the other, channels last, since that
compresses better; ``index.npy`` says where each of them is, and ``shape.json`` the shape (N, C, H, W) of all. Rendered
frames of 128 x 128 px take a fifth of their raw size, so that many more of them stay in memory.
"""

from __future__ import annotations

import json
import threading
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vla.errors import DatasetError

FRAMES, INDEX, SHAPE = "frames.bin", "index.npy", "shape.json"
LEVEL = 1
"""zlib's fastest."""


class FrameStore:
    """Read access; can be handed to other processes.

    Attributes:
        shape: (N, C, H, W).
        nbytes: size of the compressed frames.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.shape: tuple[int, ...] = tuple(json.loads((folder / SHAPE).read_text()))
        self._index = np.load(folder / INDEX)  # (N, 2): offset and size
        self._frames = np.memmap(folder / FRAMES, dtype=np.uint8, mode="r")
        self.nbytes = int(self._frames.nbytes)

    def __reduce__(self) -> tuple[type[FrameStore], tuple[Path]]:
        return FrameStore, (self._folder,)  # another process opens the files itself

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Return the frames (..., C, H, W) of rows (...)."""
        rows = np.asarray(rows)
        frames = np.empty((rows.size, *self.shape[1:]), dtype=np.uint8)
        for frame, (offset, size) in zip(frames, self._index[rows.ravel()], strict=True):
            data = zlib.decompress(self._frames[offset : offset + size])
            frame[:] = np.frombuffer(data, dtype=np.uint8).reshape(*self.shape[2:], -1).transpose(2, 0, 1)
        return frames.reshape(*rows.shape, *self.shape[1:])


class FrameStoreWriter:
    """Writes frames in any order, from several threads; goes on with a store that was left half-written.

    Args:
        folder: of the store.
        shape: (N, C, H, W).
    """

    def __init__(self, folder: Path, shape: tuple[int, ...]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SHAPE).write_text(json.dumps(shape))
        index = folder / INDEX
        mode = "r+" if index.exists() else "w+"
        self._index = np.lib.format.open_memmap(index, mode=mode, dtype=np.int64, shape=(shape[0], 2))
        self._file = (folder / FRAMES).open("ab")
        self._lock = threading.Lock()

    def __setitem__(self, row: int, frame: NDArray[np.uint8]) -> None:
        """Store a frame (C, H, W)."""
        data = zlib.compress(np.ascontiguousarray(frame.transpose(1, 2, 0)), LEVEL)
        with self._lock:
            self._index[row] = self._file.tell(), len(data)
            try:
                self._file.write(data)
            except OSError as error:
                raise DatasetError(f"the frame cache in {self._file.name} cannot grow: {error.strerror}") from error

    def flush(self) -> None:
        """Bring everything to the disk."""
        with self._lock:
            self._file.flush()
            self._index.flush()

    def close(self) -> None:
        """Bring everything to the disk and let go of the files."""
        self.flush()
        self._file.close()
        del self._index
