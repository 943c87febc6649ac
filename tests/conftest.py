"""Rendering without a display, also where a test imports MuJoCo before anything of ours."""

from envs.rendering import choose_backend

choose_backend()
