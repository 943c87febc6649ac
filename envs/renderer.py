"""MuJoCo's renderer, of which several may live in one process."""

from __future__ import annotations

import sys
import threading
from typing import Any

import mujoco

_forgotten: list[tuple[int, Any]] = []
"""Threads, and the contexts of renderers made in them that were collected in another one."""


class Renderer(mujoco.Renderer):
    """Frees what it took while its own context is current, in the thread that it was made in.

    MuJoCo's deletes textures and buffers by their numbers in whichever context is current: closing one renderer, or
    collecting one that was forgotten, spoils the frames of another. And a context that is destroyed in one thread while
    it is current in another, as happens when any thread collects garbage, brings the process down.
    """

    def __init__(self, model: mujoco.MjModel, height: int, width: int) -> None:
        self._thread = threading.get_ident()
        _free_forgotten()
        super().__init__(model, height, width)

    def close(self) -> None:
        """Free the context, and all that is in it; at the interpreter's end, which does so, nothing.

        In another thread than the renderer's own, that is left to the next renderer that is made there.
        """
        if sys.is_finalizing():
            return
        contexts = self._contexts()
        if any(contexts) and self._thread != threading.get_ident():
            _forgotten.append((self._thread, contexts))
            self._mjr_context = self._gl_context = None
            return
        _free(contexts)
        self._mjr_context = self._gl_context = None

    def _contexts(self) -> tuple[Any, Any]:
        return getattr(self, "_gl_context", None), getattr(self, "_mjr_context", None)


def _free(contexts: tuple[Any, Any]) -> None:
    window, drawing = contexts
    if window is not None:
        window.make_current()
    for context in (drawing, window):
        if context is not None:
            context.free()


def _free_forgotten() -> None:
    """Free what was made in this thread, and closed in another."""
    here = threading.get_ident()
    for entry in [entry for entry in _forgotten if entry[0] == here]:
        _forgotten.remove(entry)
        _free(entry[1])
