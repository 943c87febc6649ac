"""The documentation builds without a warning, and a page of it asks for nothing outside."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\ssrc=["']?(?:https?:)?//"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:stylesheet|preload|preconnect|icon|modulepreload))[^>]*href=["']?(?:https?:)?//"""
    r"""|@import\s+(?:url\()?["']?(?:https?:)?//|url\(["']?(?:https?:)?//"""
)
"""What a browser fetches by itself from elsewhere."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings_handlers.python")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_every_page_is_in_the_site(site: Path) -> None:
    sources = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    built = {path.relative_to(site) for path in site.rglob("*.html")}
    assert sources <= built
    index = (site / "index.html").read_text()
    for page in sources:
        assert f'href="{page}"' in index or page.name == "index.html", f"{page} is not in the navigation"


@pytest.mark.slow
def test_pages_ask_for_nothing_outside(site: Path) -> None:
    for path in [*site.rglob("*.html"), *site.rglob("*.css")]:
        found = LOADED.search(path.read_text())
        assert found is None, f"{path.relative_to(site)}: {found and found[0]}"
    assert not any('class="mermaid"' in path.read_text() for path in site.rglob("*.html"))


@pytest.mark.slow
def test_the_reference_holds_the_docstrings(site: Path) -> None:
    for page, wanted in {
        "api": ("Session", "SubgoalChanged", "reset"),
        "policy": ("LateFusionConfig", "goal_dropout", "crop_projection"),
        "planners": ("make_planner", "GrammarConfig"),
        "types": ("Observation", "frame_age", "Proprioception"),
        "envs": ("Suite", "assign"),
    }.items():
        text = (site / "reference" / f"{page}.html").read_text()
        for name in wanted:
            assert name in text, f"{page} lacks {name}"


@pytest.mark.parametrize("path", sorted((ROOT / "docs/images").glob("*.svg")), ids=lambda path: path.name)
def test_diagrams_are_whole_and_describe_themselves(path: Path) -> None:
    root = ElementTree.parse(path).getroot()
    space = "{http://www.w3.org/2000/svg}"
    assert root.get("aria-label") and root.find(f"{space}title") is not None
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for box in root.iter(f"{space}rect"):
        x, y = float(box.get("x", 0)), float(box.get("y", 0))
        assert x + float(box.attrib["width"]) <= width and y + float(box.attrib["height"]) <= height
    assert not re.search(r"(?:href|src)=|<script|https?://(?!www\.w3\.org)", path.read_text())
