"""MuJoCo's renderer, of which several may live in one process."""

from __future__ import annotations

import sys

import mujoco


class Renderer(mujoco.Renderer):
    """Frees what it took while its own context is current.

    MuJoCo's deletes textures and buffers by their numbers in whichever context is current: closing one renderer, or
    collecting one that was forgotten, spoils the frames of another.
    """

    def close(self) -> None:
        """Free the context, and all that is in it; at the interpreter's end, which does so, nothing."""
        if sys.is_finalizing():
            return
        context = getattr(self, "_gl_context", None)
        if context is not None:
            context.make_current()
        super().close()
