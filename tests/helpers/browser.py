"""For tests that look at the console in a browser."""

from __future__ import annotations

import pytest

from vla.console.chromium import INSTALL, find_chromium

PATIENCE = 120_000
"""Longest time that a condition is waited for, on a machine that is busy with other things [ms]."""

needs_browser = pytest.mark.skipif(find_chromium() is None, reason=f"there is no Chromium: {INSTALL}")
