"""The contact sheet: a row an episode, a few moments of every camera; curves where there are no frames."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from vla.data.features import ACTION, STATE, camera_name
from vla.data.inspection.folder import DatasetFolder
from vla.data.inspection.strips import MOMENTS, Strip, read_strip, spread

ROWS = 8
CURVES = 12
"""Most dimensions to draw where there are no frames."""
CELL = 1.3
"""Width of a frame on the sheet [in]."""


def draw_contact_sheet(folder: DatasetFolder, output: Path) -> str:
    """Write the sheet as a PNG.

    Returns:
        What is on it: ``"frames"`` or ``"curves"``.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    chosen = spread(folder, ROWS)
    strips = [read_strip(folder, episode) for episode in chosen if episode in folder.episode_rows]
    cameras = [
        camera for camera in folder.cameras if any(f is not None for strip in strips for f in strip.frames[camera])
    ]
    if cameras:
        figure = Figure(figsize=(0.6 + CELL * MOMENTS * len(cameras), 0.4 + CELL * len(strips)), dpi=120)
        axes = figure.subplots(len(strips), MOMENTS * len(cameras), squeeze=False)
        for row, strip in enumerate(strips):
            for column, frame in enumerate(_cells(strip, cameras)):
                axis = axes[row, column]
                axis.set_xticks([])
                axis.set_yticks([])
                if frame is not None:
                    axis.imshow(frame)
                if column == 0:
                    axis.set_ylabel(f"{strip.episode}\n{strip.seconds:.1f} s", fontsize=7)
                if row == 0 and column % MOMENTS == 0:
                    axis.set_title(camera_name(cameras[column // MOMENTS]), fontsize=8, loc="left")
        figure.subplots_adjust(left=0.04, right=0.995, top=0.95, bottom=0.01, wspace=0.03, hspace=0.03)
    else:
        figure = _curves(folder, chosen, Figure)
    FigureCanvasAgg(figure)
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(f".{output.name}.{os.getpid()}.png")
    figure.savefig(temporary, format="png")
    temporary.replace(output)
    return "frames" if cameras else "curves"


def _cells(strip: Strip, cameras: list[str]) -> list:
    return [frame for camera in cameras for frame in (*strip.frames[camera], *[None] * MOMENTS)[:MOMENTS]]


def _curves(folder: DatasetFolder, chosen: list[int], figure_type):
    """State (solid) and action (dashed) over time: a row an episode, a column a dimension."""
    names = [name for name in (STATE, ACTION) if name in folder.vectors] or list(folder.vectors)[:1]
    labels = folder.dimension_names(names[0])[:CURVES] if names else []
    rows, columns = max(1, len(chosen)), max(1, len(labels))
    figure = figure_type(figsize=(1 + 2.2 * columns, 0.8 + 1.5 * rows), dpi=100)
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey="col")
    for row, episode in enumerate(chosen):
        part = folder.slices[episode]
        seconds = np.arange(part.stop - part.start) / folder.fps
        for column, label in enumerate(labels):
            axis = axes[row, column]
            for name, style in zip(names, ("-", "--"), strict=False):
                if column < folder.vectors[name].shape[1]:
                    axis.plot(seconds, folder.vectors[name][part, column], style, linewidth=0.9, label=name)
            axis.tick_params(labelsize=6)
            if row == 0:
                axis.set_title(label, fontsize=8)
            if column == 0:
                axis.set_ylabel(f"episode {episode}", fontsize=7)
    if names and chosen:
        axes[0, 0].legend(fontsize=6)
    for axis in axes[-1]:
        axis.set_xlabel("time [s]", fontsize=7)
    figure.tight_layout()
    return figure
