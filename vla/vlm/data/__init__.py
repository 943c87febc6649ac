"""Datasets of views: written from a suite's simulation, read with ``load_views`` or ``datasets.load_dataset``."""

from vla.vlm.data.reader import Views, load_views
from vla.vlm.data.source import SPLITS, Split, ViewSource

__all__ = ["SPLITS", "Split", "ViewSource", "Views", "load_views"]
