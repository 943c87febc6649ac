"""What a run leaves behind besides its weights: metrics.jsonl, TensorBoard events, loss.png, and wandb if asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vla.data.json_file import whole_lines
from vla.provenance import origin

if TYPE_CHECKING:
    from lerobot.configs.train import TrainPipelineConfig

METRICS = "metrics.jsonl"
RUN_FILE = "run.json"
"""Options that define the run."""
STARTS = "starts.jsonl"
"""One line each time the run was begun or resumed: command, versions, commit and machine."""


class Records:
    """Writes one row of metrics at a time.

    Args:
        folder: of the run; receives the files.
        step: where the run starts; rows of a killed run beyond it are dropped, as they will be written again.
        wandb: lerobot's logger for Weights & Biases, if it is to be used.
    """

    def __init__(self, folder: Path, step: int, wandb: Any = None) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.folder, self.wandb = folder, wandb
        rows = [row for row in read_metrics(folder) if row["step"] <= step]
        temporary = folder / f".{METRICS}"
        temporary.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        temporary.replace(folder / METRICS)
        self.tensorboard = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def write(self, step: int, values: dict[str, float], mode: str = "train") -> None:
        """Record values of this step; ``mode`` is ``train`` or ``eval``."""
        with (self.folder / METRICS).open("a") as file:
            file.write(f"{json.dumps({'step': step, **values})}\n")
        for name, value in values.items():
            self.tensorboard.add_scalar(f"{mode}/{name}", value, step)
        if self.wandb:
            self.wandb.log_dict(values, step, mode=mode)

    def close(self) -> None:
        """Flush everything and draw the loss curve."""
        self.tensorboard.close()
        draw_loss(self.folder)


def wandb_logger(config: TrainPipelineConfig) -> Any:
    """Return lerobot's logger if the run is to use it, otherwise None."""
    if not config.wandb.enable:
        return None
    from lerobot.common.wandb_utils import WandBLogger

    return WandBLogger(config)


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of a run's ``metrics.jsonl``; a row cut off by a kill is left out."""
    return [json.loads(line) for line in whole_lines(folder / METRICS)]


def record_start(folder: Path) -> None:
    """Append where this start of the run comes from."""
    with (folder / STARTS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(origin(), ensure_ascii=False) + "\n")


def draw_loss(folder: Path) -> None:
    """Draw training and held-out loss over updates into ``loss.png``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = read_metrics(folder)
    figure = Figure(figsize=(7, 4), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    for name, label in (("loss", "training"), ("val_loss", "held out")):
        points = [(row["step"], row[name]) for row in rows if name in row]
        if points:
            axes.plot(*zip(*points, strict=True), label=label, linewidth=1.2)
    axes.set(xlabel="update", ylabel="loss", title=folder.name)
    if all(row.get("loss", 1) > 0 and row.get("val_loss", 1) > 0 for row in rows):
        axes.set_yscale("log")
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend()
    FigureCanvasAgg(figure).print_png(str(folder / "loss.png"))
