"""`vla vlm eval`: measures a vision-language model on views with known answers."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from vla.cli.options import check_range, output_file
from vla.cli.progress import Reporter
from vla.data.json_file import whole_lines, write_json
from vla.errors import ConfigError, DatasetError, UnknownNameError
from vla.evaluation.statistics import wilson_interval
from vla.planner.backends import OpenAiConfig, VlmConfig, find_model, load_chat, open_chat
from vla.planner.calibration import Calibration, asked, calibrate, fitted
from vla.planner.chat import Chat
from vla.planner.examination import ASKED, examine
from vla.planner.monitor import Monitor
from vla.planner.scoring import Outcome, summarize
from vla.provenance import origin, versions
from vla.vlm.examples import View

SPLITS = ("train", "test")
VERSIONED = ("lerobot_policy_vla", "torch", "transformers", "llguidance")


def run(config: DictConfig) -> int:
    """Ask all questions, print the table, write JSON."""
    if config.split not in SPLITS:
        raise UnknownNameError("split", str(config.split), SPLITS)
    if config.views is not None:
        check_range("views", config.views, 1)
    kinds = tuple(str(kind) for kind in config.kinds)
    if unknown := [kind for kind in kinds if kind not in ASKED]:
        raise UnknownNameError("kind of question", unknown[0], ASKED)
    folder = Path(str(config.data))
    if not (folder / str(config.split)).is_dir():
        raise DatasetError(f"data={folder} has no folder {config.split}/ with views; `vla vlm data` writes one")
    model = str(config.model) if config.base_url else find_model(config.model)
    output = output_file(config.output or default_output(model, folder, kinds, blind=bool(config.blind)))
    from vla.vlm.data import Split, load_views

    views: Sequence[View] = load_views(folder, cast(Split, str(config.split)))
    count = len(views) if config.views is None else min(len(views), config.views)
    about = {
        "model": model,
        "data": str(folder),
        "split": str(config.split),
        "blind": bool(config.blind),
        "views": count,
        "kinds_asked": list(kinds),
        "versions": versions(VERSIONED),
    }
    records = Records(output.with_suffix(".partial.jsonl"), about)
    if len(records.outcomes) < count:
        ask_all(open_model(config, model), views, count, records, kinds or ASKED, blind=bool(config.blind))
    outcomes = [outcome for view in records.outcomes for outcome in view]
    result = report(about | origin(VERSIONED), outcomes)
    write_json(output, result)
    records.remove()
    Console().print(metric_table(result))
    print(f"wrote {output}")
    return 0


def open_model(config: DictConfig, model: str) -> Chat:
    """Return the model that the options name: in this process, or behind an endpoint."""
    if config.base_url:
        return open_chat(OpenAiConfig(base_url=str(config.base_url), model=model))
    return load_chat(VlmConfig(model=model, device=str(config.device), max_tokens=config.max_tokens))


def default_output(model: str, folder: Path, kinds: Sequence[str], *, blind: bool) -> Path:
    """Name the JSON after what is measured."""
    parts = [Path(model).name, folder.name, *kinds, *(["blind"] if blind else [])]
    return Path("outputs/vlm_eval") / f"{'-'.join(parts)}.json"


def ask_all(
    chat: Chat, views: Sequence[View], count: int, records: Records, kinds: Collection[str] = ASKED, *, blind: bool
) -> None:
    """Ask the questions of the views that are not known yet."""
    with Reporter("views", count, len(records.outcomes)) as reporter:
        for index in range(len(records.outcomes), count):
            records.append(list(examine(chat, views[index], kinds, blind=blind)))
            right = [outcome.right for view in records.outcomes for outcome in view]
            reporter.update(index + 1, f"{sum(right)} of {len(right)} answers right")


class Records:
    """What is known so far, in a file, so that an interrupted measurement goes on where it stopped.

    Args:
        path: the file.
        about: what is measured.

    Raises:
        ConfigError: the file is of another measurement.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self._path, self._about = path, json.loads(json.dumps(about))
        self.outcomes: list[list[Outcome]] = []
        """Of each view, in order."""
        lines = whole_lines(path)
        if lines and json.loads(lines[0]) != self._about:
            raise ConfigError(f"{path} is of another measurement; remove it, or name another output=")
        for line in lines[1:]:
            self.outcomes.append([Outcome(**entry) for entry in json.loads(line)])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines) or json.dumps(self._about) + "\n")

    def append(self, outcomes: list[Outcome]) -> None:
        """Keep what came of a view."""
        self.outcomes.append(outcomes)
        with self._path.open("a") as file:
            file.write(json.dumps([asdict(outcome) for outcome in outcomes]) + "\n")

    def remove(self) -> None:
        """Remove the file, once the result is written."""
        self._path.unlink(missing_ok=True)


def report(about: Mapping[str, Any], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the result as JSON, counts with 95% Wilson intervals."""
    summary = summarize(outcomes)
    return {
        "metrics": summary["metrics"],
        **about,
        "questions": len(outcomes),
        "counts": {name: _entry(*counts) for name, counts in summary["counts"].items()},
        "kinds": {kind: _entry(*counts) for kind, counts in summary["kinds"].items()},
        "monitor": monitor_report(asked(outcomes)),
    }


def monitor_report(answers: Sequence[Outcome]) -> dict[str, Any]:
    """Return what the planner's bands make of the answers, and what bands that fit them would."""
    best = fitted(answers)
    bands = {"default": Monitor()} | ({"fitted": best} if best else {})
    return {name: _bands(calibrate(monitor, answers)) for name, monitor in bands.items()} if answers else {}


def _bands(calibration: Calibration) -> dict[str, Any]:
    return {
        "reached_above": calibration.monitor.reached_above,
        "failed_below": calibration.monitor.failed_below,
        "false_success": _entry(*calibration.false_success),
        "false_failure": _entry(*calibration.false_failure),
        "undecided": _entry(*calibration.undecided),
    }


def metric_table(result: Mapping[str, Any]) -> Table:
    """Return metrics and kinds of questions as a table."""
    table = Table(title=f"{result['model']} on {result['views']} views{', blind' if result['blind'] else ''}")
    table.add_column("measure", no_wrap=True)
    for heading in ("value", "95% interval", "of"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, value in result["metrics"].items():
        table.add_row(name, _shown(name, value), *_sureness(result["counts"].get(name)))
    table.add_section()
    for kind, entry in result["kinds"].items():
        table.add_row(f"{kind} right", _shown(kind, entry["rate"]), *_sureness(entry))
    for name, bands in result["monitor"].items():
        table.add_section()
        table.add_row(f"monitor, {name} bands", f"{bands['failed_below']:.2f} – {bands['reached_above']:.2f}", "", "")
        for rate in ("false_success", "false_failure", "undecided"):
            table.add_row(f"  {rate}", _shown(rate, bands[rate]["rate"]), *_sureness(bands[rate]))
    return table


def _entry(right: int, count: int) -> dict[str, Any]:
    return {
        "right": right,
        "count": count,
        "rate": right / count if count else None,
        "interval": list(wilson_interval(right, count)),
    }


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{1e3 * value:.0f} ms" if name == "latency_p50_s" else f"{100 * value:.1f} %"


def _sureness(entry: Mapping[str, Any] | None) -> tuple[str, str]:
    if not entry or not entry["count"]:
        return "", ""
    low, high = entry["interval"]
    return f"{100 * low:.1f} – {100 * high:.1f}", str(entry["count"])
