"""Reads an HTML page as a browser would, and says what is wrong with it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "input", "source", "hr"}
SVG_LEAVES = {"rect", "path", "circle", "polyline"}
RESOURCES = {"src", "srcset", "href", "xlink:href", "poster", "data", "action", "background"}


class Page(HTMLParser):
    """Tags with their attributes, and the text, of a page whose tags must be balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.style = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SVG_LEAVES, f"<{tag}/> is not closed in HTML"
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open[-1] == tag, f"</{tag}> closes {self._open[-1:]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            self.style += data
        else:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        """Return the attributes of all tags of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]


def read_page(text: str) -> Page:
    """Parse a page, and check what every page of ours must be: self-contained, safe and accessible."""
    page = Page(text)
    for tag, attributes in page.tags:
        assert tag != "script", "a page needs no script"
        for name, value in attributes.items():
            assert not name.startswith("on"), f"<{tag} {name}> is a script"
            if name in RESOURCES:
                assert not re.match(r"\s*([a-z+.-]+:)?//", value, re.I), (
                    f"<{tag} {name}={value}> asks for something outside"
                )
                assert not re.match(r"\s*javascript:", value, re.I)
            if name == "style":
                assert "url(" not in value
    assert "url(" not in page.style and "@import" not in page.style
    assert page.all("html")[0]["lang"] == "en"
    assert any(meta.get("name") == "viewport" for meta in page.all("meta"))
    assert page.all("title") and len(page.all("h1")) == 1
    assert all(cell["scope"] in ("row", "col") for cell in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    for picture in page.all("svg"):
        assert picture.get("aria-hidden") == "true" or (picture["role"] == "img" and picture["aria-label"])
    assert all(image["alt"] and image["src"].startswith("data:image/") for image in page.all("img"))
    assert all(video["aria-label"] for video in page.all("video"))
    assert "prefers-color-scheme: dark" in page.style
    return page
