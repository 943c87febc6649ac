"""Scripted demonstrators for the tabletop suite."""

from envs.tabletop.experts.expert import TabletopExpert

__all__ = ["TabletopExpert"]
