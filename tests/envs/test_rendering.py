import ctypes.util

import pytest

from envs import rendering
from vla.errors import RenderingError, UnknownNameError


def test_user_choice_wins(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    assert rendering.choose_backend() == "osmesa"


def test_unknown_backend_is_named(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "vulkan")
    with pytest.raises(UnknownNameError, match=r"vulkan.*egl, glfw, osmesa"):
        rendering.choose_backend()


def test_missing_backend_says_what_to_install(monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setattr(rendering.sys, "platform", "linux")
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    with pytest.raises(RenderingError, match="apt-get install libosmesa6"):
        rendering.choose_backend()
