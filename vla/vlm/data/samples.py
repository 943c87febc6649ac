"""A page that shows some views with their boxes, questions and answers: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path

from vla.types import Box
from vla.vlm.examples import KINDS, Question, View
from vla.vlm.prompts import BOX

_STYLE = """
body{font:14px/1.4 system-ui,sans-serif;margin:2em auto;max-width:1100px;padding:0 1em;color:#222;background:#fff}
section{border-top:1px solid #ccc;padding:1em 0}
.frames{display:flex;flex-wrap:wrap;gap:8px}figure{margin:0}figcaption{color:#666}
.frame{position:relative;width:320px}.frame img{width:100%;display:block;image-rendering:pixelated}
.frame i{position:absolute;border:1px solid #fff9;box-sizing:border-box}
.frame i.asked{border:2px solid #f0f}.frame b{position:absolute;font-size:11px;color:#fff;background:#c0c;padding:0 2px}
table{border-collapse:collapse;width:100%;margin-top:8px}td,th{text-align:left;vertical-align:top;padding:2px 8px 2px 0}
td{border-top:1px solid #eee}.prompt{white-space:pre-line}.wrong{color:#a33}.kind{color:#666}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}td{border-color:#333}.wrong{color:#e88}}
"""


def choose_samples(views: Sequence[View], count: int) -> list[View]:
    """Return up to ``count`` views: those with kinds of questions that are missing, then evenly spread."""
    chosen: list[int] = []
    kinds: set[str] = set()
    for index, view in enumerate(views):
        new = {question.kind for question in view.questions} - kinds
        if new and len(chosen) < count:
            chosen.append(index)
            kinds |= new
    others = [index for index in range(len(views)) if index not in chosen]
    spare = min(count - len(chosen), len(others))
    chosen += [others[place * len(others) // spare] for place in range(spare)]
    return [views[index] for index in sorted(chosen)]


def write_samples(path: Path, views: Sequence[View], title: str) -> None:
    """Write the page.

    Args:
        path: HTML file.
        views: what it shows.
        title: its heading.
    """
    counts = Counter(question.kind for view in views for question in view.questions)
    summary = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS)
    body = "\n".join(_view(view) for view in views)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1><p>{len(views)} views; questions: {summary}.</p>\n{body}\n</html>\n"
    )
    unfinished.rename(path)


def _view(view: View) -> str:
    asked = [(box, str(number)) for number, q in enumerate(view.questions, 1) for box in q.boxes]
    frames = "".join(
        _frame(image, camera, view, [(box, label) for box, label in asked if box.camera == camera])
        for image, camera in zip(view.images, view.cameras, strict=True)
    )
    rows = "".join(_row(number, question) for number, question in enumerate(view.questions, 1))
    regions = ", ".join(f"{region.phrase} {region.visible:.0%}" for region in view.regions)
    return (
        f"<section><h2>{escape(view.task)}, seed {view.seed}, {view.time:.1f} s</h2>"
        f'<div class="frames">{frames}</div><p>Visible: {escape(regions)}</p>'
        f"<table><tr><th><th>kind<th>question<th>answer<th>wrong answer{rows}</table></section>"
    )


def _frame(image: bytes, camera: str, view: View, asked: list[tuple[Box, str]]) -> str:
    kind = "png" if image.startswith(b"\x89PNG") else "jpeg"
    marks = "".join(f'<i style="{_place(r.box)}"></i>' for r in view.regions if r.box.camera == camera)
    labels: dict[Box, list[str]] = {}
    for box, label in asked:
        labels.setdefault(box, []).append(label)
    for box, numbers in labels.items():
        corner = f"left:{100 * box.x0:.1f}%;top:{100 * box.y1:.1f}%"
        marks += f'<i class="asked" style="{_place(box)}"></i><b style="{corner}">{",".join(numbers)}</b>'
    data = base64.b64encode(image).decode()
    return (
        f'<figure><div class="frame"><img alt="{escape(camera)}" src="data:image/{kind};base64,{data}">{marks}</div>'
        f"<figcaption>{escape(camera)}</figcaption></figure>"
    )


def _place(box: Box) -> str:
    sides = {"left": box.x0, "top": box.y0, "width": box.x1 - box.x0, "height": box.y1 - box.y0}
    return ";".join(f"{name}:{100 * value:.1f}%" for name, value in sides.items())


def _row(number: int, question: Question) -> str:
    answer = escape(question.answer.replace(BOX, "▢"))
    return (
        f'<tr><td>{number}<td class="kind">{escape(question.kind)}<td class="prompt">{escape(question.prompt)}'
        f'<td>{answer}<td class="wrong">{escape(question.rejected)}'
    )
