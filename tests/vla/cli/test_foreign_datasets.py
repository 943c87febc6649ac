"""`vla inspect` and `vla train` on datasets that nobody here made."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers.pages import Page, read_page
from tests.vla.data.foreign import CAMERA, write_foreign
from tests.vla.data.inspection.datasets import edit_json
from tests.vla.data.legacy import TASKS, write_legacy
from vla.cli import config
from vla.cli.commands import COMMANDS
from vla.cli.main import main
from vla.training.records import read_metrics

TINY = ["policy.vision_width=8", "policy.hidden_dim=32", "policy.head_blocks=1", "policy.condition_dim=32"]
TINY += ["policy.use_text=false", "policy.queries=2", "batch_size=4", "workers=0", "log_steps=1", "device=cpu"]


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_foreign(tmp_path_factory.mktemp("foreign") / "some blocks")


@pytest.fixture(scope="module")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_legacy(tmp_path_factory.mktemp("legacy") / "drawer", video=True)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


def shown(dataset: Path, page: Path, *more: str) -> Page:
    assert main(["inspect", str(dataset), f"output={page}", *more]) == 0
    return read_page(page.read_text())


def advised(page: Page) -> list[str]:
    """Return the training command that a page gives."""
    return shlex.split(next(line for line in page.text.splitlines() if line.startswith("vla train")))


def train(arguments: list[str], output: Path) -> list[float]:
    kept = [argument for argument in arguments if not argument.startswith(("output=", "minutes="))]
    assert main([*kept[1:], *TINY, f"output={output}", "steps=2"]) == 0
    return [row["loss"] for row in read_metrics(output) if "loss" in row]


def test_another_layout_is_shown_and_trained_on(foreign: Path, tmp_path: Path) -> None:
    page = shown(foreign, tmp_path / "page.html")
    for text in ("slide the block", "observation.effort", "next.reward", "15 a second", "bool", "constant"):
        assert text in page.text, text
    assert "It cannot be trained on" not in page.text
    described = " ".join(image["alt"] for image in page.all("img"))
    assert all(f"observation.image camera in episode {index}," in described for index in range(3))
    losses = train(advised(page), tmp_path / "run")
    assert len(losses) == 2 and np.isfinite(losses).all()


def test_the_old_version_is_shown_and_trained_on(legacy: Path, tmp_path: Path) -> None:
    page = shown(legacy, tmp_path / "page.html")
    assert "v2.1" in page.text and str(legacy) in page.text and "grip" in page.text
    assert all(task in page.text for task in TASKS)
    losses = train(advised(page), tmp_path / "run")
    assert len(losses) == 2 and np.isfinite(losses).all()
    assert json.loads((tmp_path / "run/run.json").read_text())["dataset"] == str(legacy)


def test_the_advice_is_a_command_that_is_accepted(foreign: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(foreign, tmp_path / "a, 'b' $c"))
    words = advised(shown(root, tmp_path / "page.html"))
    assert words[:2] == ["vla", "train"]
    assert config.load(COMMANDS["train"], words[2:]).dataset == str(root)


def without_tasks(root: Path) -> None:
    (root / "meta/tasks.parquet").unlink()


def with_no_task(root: Path) -> None:
    table = pq.read_table(root / "meta/tasks.parquet")
    pq.write_table(table.slice(0, 0), root / "meta/tasks.parquet")


def without_data(root: Path) -> None:
    next((root / "data").rglob("*.parquet")).unlink()


def without_episodes(root: Path) -> None:
    shutil.rmtree(root / "meta/episodes")


def without_places(root: Path) -> None:
    path = next((root / "meta/episodes").rglob("*.parquet"))
    table = pq.read_table(path)
    pq.write_table(table.set_column(table.column_names.index("data/file_index"), "x", pa.nulls(len(table))), path)


def without_column(name: str) -> Callable[[Path], None]:
    return lambda root: edit_json(root / "meta/info.json", lambda info: info["features"].pop(name))


def dropped(name: str) -> Callable[[Path], None]:
    """A column that is neither declared nor there."""

    def drop(root: Path) -> None:
        without_column(name)(root)
        path = next((root / "data").rglob("*.parquet"))
        pq.write_table(pq.read_table(path).drop_columns([name]), path)

    return drop


def grey(root: Path) -> None:
    edit_json(root / "meta/info.json", lambda info: info["features"][CAMERA].update(shape=[40, 56, 1]))


def with_video(root: Path) -> None:
    edit_json(root / "meta/info.json", lambda info: info["features"][CAMERA].update(dtype="video"))


def undeclared_column(root: Path) -> None:
    path = next((root / "data").rglob("*.parquet"))
    table = pq.read_table(path)
    pq.write_table(table.append_column("comment", pa.array(["fine"] * len(table))), path)


def without_statistics(root: Path) -> None:
    (root / "meta/stats.json").unlink()


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (without_tasks, "lacks meta/tasks.parquet (what the robot is told)"),
        (with_no_task, "has no tasks: meta/tasks.parquet is empty"),
        (without_data, "lacks 1 of its 1 files: data/chunk-000/file-000.parquet"),
        (without_episodes, "lacks meta/episodes/*/*.parquet"),
        (without_places, "has no data of episode 0: meta/episodes names no file"),
        (without_column("action"), "has no column 'action'; it has observation.image, observation.state"),
        (without_column("observation.state"), "holds the columns observation.state, which lerobot refuses"),
        (dropped(CAMERA), "late_fusion needs at least one observation.images.* feature"),
        (dropped("observation.state"), "late_fusion needs the feature observation.state"),
        (undeclared_column, "holds the columns comment, which lerobot refuses"),
        (with_video, "has no videos of observation.image: meta/info.json names no video_path"),
        (grey, "frames of shape (40, 56, 1) are not of three colours"),
    ],
)
def test_what_is_missing_is_named_before_training_begins(
    foreign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None], expected: str
) -> None:
    root = Path(shutil.copytree(foreign, tmp_path / "damaged"))
    damage(root)
    assert main(["train", f"dataset={root}", f"output={tmp_path / 'run'}", "steps=2", *TINY]) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    assert main(["inspect", str(root), f"output={tmp_path / 'page.html'}"]) == 0
    read_page((tmp_path / "page.html").read_text())


def nameless_axes(root: Path) -> None:
    edit_json(root / "meta/info.json", lambda info: info["features"][CAMERA].update(names=None))


def channels_first(root: Path) -> None:
    axes = {"shape": [3, 40, 56], "names": ["channels", "height", "width"]}
    edit_json(root / "meta/info.json", lambda info: info["features"][CAMERA].update(axes))


@pytest.mark.parametrize("oddity", [nameless_axes, channels_first])
def test_oddities_do_not_matter(foreign: Path, tmp_path: Path, oddity: Callable[[Path], None]) -> None:
    root = Path(shutil.copytree(foreign, tmp_path / "odd"))
    oddity(root)
    assert "It cannot be trained on" not in shown(root, tmp_path / "page.html").text
    assert len(train(["vla", "train", f"dataset={root}"], tmp_path / "run")) == 2


def test_missing_statistics_matter_to_policies_that_normalise_by_them(
    foreign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(shutil.copytree(foreign, tmp_path / "damaged"))
    without_statistics(root)
    arguments = ["train", f"dataset={root}", f"output={tmp_path / 'act'}", "steps=2", "device=cpu", "policy=act"]
    assert main(arguments) == 2
    assert "has no observation.state, by which policy act is normalised" in capsys.readouterr().err
    assert len(train(["vla", "train", f"dataset={root}"], tmp_path / "run")) == 2


def test_episodes_are_shown_in_rerun(foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rerun.recording import load_recording

    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    shown(foreign, tmp_path / "page.html", "--rerun", "episodes=2")
    shown(foreign, tmp_path / "page.html", f"--rerun={tmp_path / 'named.rrd'}", "episodes=1")
    assert {path.name for path in tmp_path.glob("*.rrd")} == {"page.rrd", "named.rrd"}
    columns = {str(column.entity_path) for column in load_recording(tmp_path / "page.rrd").schema().component_columns()}
    assert {"/cameras/image", "/state", "/action", "/task", "/episode"} <= columns


def test_other_rerun_targets_are_refused(foreign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(foreign), "rerun=film.mp4"]) == 2
    assert "rerun=film.mp4 is no target" in capsys.readouterr().err
