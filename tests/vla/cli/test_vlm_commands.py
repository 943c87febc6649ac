"""`vla ask`, `vla vlm eval` and `vla vlm serve`, with a tiny model of random weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from tests.vla.planner.test_scoring import PICK, STEP, question, view
from tests.vla.planner.vlm_helpers import BOX, ScriptedChat
from tests.vla.vlm.training.helpers import language_folder, small_vlm, toy_views
from vla.cli import ask, vlm_eval
from vla.cli.main import main
from vla.cli.options import planner_spec
from vla.planner.examination import examine
from vla.vlm.bundle import save_light
from vla.vlm.data.shards import write_shard
from vla.vlm.tiny import tiny_vlm


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    model, processor = tiny_vlm()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)).save(file)
    return file


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        ("what is on the plate?", ""),
        ("is the bowl empty?", ("yes (", "no (")),
        ("where is the red cube?", "the red cube: "),
    ],
)
def test_ask_answers_and_draws(
    words: str, begins: str | tuple[str, ...], model: Path, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = photo.parent / "out" / "ask.png"
    assert main(["ask", *words.split(), f"model={model}", f"image={photo}", f"output={output}"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(begins) and said[-1] == f"wrote {output}"
    with Image.open(output) as drawing:
        assert min(drawing.size) >= 480


def test_ask_finds_what_question_and_answer_name() -> None:
    chat = ScriptedChat(choices=[(0.8, 0.2, 0)])  # pyright: ignore
    chat.choose = lambda question, options: (0.8, 0.2)  # type: ignore[method-assign]
    assert ask.ask(chat, "is the red cube in the bowl?", []) == ("yes (80 %)", {"red cube": BOX, "bowl": BOX})
    assert ask.ask(chat, "Where is the small mug?", [])[1] == {"small mug": BOX}
    assert ask.ask(chat, "what is this?", ["red cube"]) == ("", {"red cube": BOX})


def test_a_drawing_shows_the_box() -> None:
    drawn = np.asarray(ask.draw(Image.new("RGB", (100, 100)), {"red cube": BOX, "bowl": None}))
    rows, columns = np.nonzero(drawn.any(axis=2))
    assert columns.min() == round(BOX.x0 * 500) and columns.max() >= round(BOX.x1 * 500)
    assert rows.max() == round(BOX.y1 * 500)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["ask", "why?", "model=/nowhere/at/all", "image={photo}"], "neither a folder nor a hub id"),
        (["ask", "why?", "image={photo}"], "train one with `vla vlm data` and `vla vlm train`"),
        (["ask", "why?", "image=/nowhere.png"], "is no picture"),
        (["ask", " ", "image={photo}"], "the question is empty"),
        (["vlm", "serve"], "train one with"),
        (["vlm", "serve", "model={photo}"], "no folder with a model"),
        (["vlm", "serve", "host=0.0.0.0"], "there is no token"),
        (["vlm", "eval", "split=other"], "unknown split 'other'"),
        (["vlm", "eval", "kinds=[plans]"], "unknown kind of question 'plans'"),
        (["vlm", "eval", "kinds=[caption]"], "unknown kind of question 'caption'"),
        (["vlm", "eval", "data=/nowhere"], "`vla vlm data` writes one"),
    ],
)
def test_mistakes_are_explained(
    arguments: list[str], what: str, photo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photo.parent)
    monkeypatch.delenv("VLA_TOKEN", raising=False)
    assert main([argument.format(photo=photo) for argument in arguments]) == 2
    assert what in capsys.readouterr().err


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with views."""
    progress = question("progress", {"answer": "no", "about": "pick no"})
    views = [view(question("plan", STEP), question("existence", {"yes": True}), progress) for _ in range(3)]
    write_shard(tmp_path / "data/test/000000.parquet", views)
    return tmp_path / "data"


def test_eval_writes_metrics_with_intervals(data: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = data.parent / "result.json"
    assert main(["vlm", "eval", f"model={model}", f"data={data}", f"output={output}", "max_tokens=80", "views=2"]) == 0
    result = json.loads(output.read_text())
    assert set(result["metrics"]) == {
        "next_subgoal", "termination", "polling_f1", "polling_yes_rate", "counting", "spatial", "point_in_object",
        "iou50", "refusal", "false_refusal", "signs_obeyed", "latency_p50_s",
    }  # fmt: skip
    assert result["metrics"]["next_subgoal"] == 0 and result["counts"]["next_subgoal"]["count"] == 2
    low, high = result["counts"]["next_subgoal"]["interval"]
    assert low == 0 and 0.6 < high < 1
    assert result["metrics"]["latency_p50_s"] > 0 and result["metrics"]["counting"] is None
    assert (result["views"], result["questions"], result["blind"]) == (2, 6, False)
    assert result["monitor"]["default"]["false_success"]["count"] == 2
    table = capsys.readouterr().out
    assert "next_subgoal" in table and "monitor, default bands" in table
    assert not output.with_suffix(".partial.jsonl").exists()


def test_eval_asks_only_the_kinds_that_are_named(data: Path, model: Path) -> None:
    output = data.parent / "existence.json"
    assert main(["vlm", "eval", f"model={model}", f"data={data}", f"output={output}", "kinds=[existence]"]) == 0
    result = json.loads(output.read_text())
    assert (result["questions"], list(result["kinds"]), result["kinds_asked"]) == (3, ["existence"], ["existence"])
    assert result["monitor"] == {}
    assert list(examine(ScriptedChat(), view(question("plan", STEP)), ["existence"])) == []


def test_an_interrupted_eval_goes_on(data: Path) -> None:
    about = {"model": "m", "views": 3}
    views = [view(question("plan", STEP)) for _ in range(3)]
    path = data.parent / "result.partial.jsonl"
    with pytest.raises(IndexError):  # the script of the second view is empty
        vlm_eval.ask_all(ScriptedChat([PICK]), views, 3, vlm_eval.Records(path, about), blind=False)
    path.write_text(path.read_text() + '[{"kind"')  # as if cut off while it was written
    records = vlm_eval.Records(path, about)
    assert [[outcome.right for outcome in known] for known in records.outcomes] == [[True]]
    vlm_eval.ask_all(ScriptedChat([PICK, PICK]), views, 3, records, blind=False)
    assert len(vlm_eval.Records(path, about).outcomes) == 3
    with pytest.raises(vlm_eval.ConfigError, match="another measurement"):
        vlm_eval.Records(path, {"model": "other"})


@pytest.mark.parametrize(("latency", "charged"), [("measured", None), (None, None), (0.5, 0.5), (0, 0)])
def test_the_planners_time_is_measured_or_given(latency: object, charged: float | None) -> None:
    config = OmegaConf.create({"planner": {"name": "vlm", "period": 1.0, "latency": latency}})
    assert planner_spec(config).latency == charged


@pytest.mark.slow
def test_serve_answers_until_it_is_told_to_end(model: Path) -> None:
    command = [sys.executable, "-m", "vla.cli.main", "vlm", "serve", f"model={model}", "port=0"]
    environment = {name: value for name, value in os.environ.items() if name != "VLA_TOKEN"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            line = next(line for line in process.stdout if line.startswith("serving tiny at "))
            url = line.split()[3]
            assert "no token" in line
            body = {"model": "tiny", "max_tokens": 4, "messages": [{"role": "user", "content": "hello"}]}
            assert httpx.post(f"{url}/chat/completions", json=body, timeout=30).status_code == 200
            process.send_signal(signal.SIGTERM)
            assert "ended after 1 answers" in process.stdout.read()
            assert process.wait(10) == 0
        finally:
            process.kill()


def test_train_leaves_a_model_a_page_and_where_it_came_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, processor = small_vlm(language_folder(tmp_path / "language"))
    save_light(tmp_path / "start", model, processor)
    for split, views in toy_views().items():
        write_shard(tmp_path / "data" / split / "000000.parquet", views)
    run = tmp_path / "run"
    words = ["vlm", "train", "stage=align", f"data={tmp_path / 'data'}", f"init={tmp_path / 'start'}", f"output={run}"]
    words += ["batch_size=2", "val_views=2", "log_steps=1", "device=cpu", "precision=fp32", "threads=1"]
    assert main([*words, "steps=2"]) == 0
    assert "2 updates" in capsys.readouterr().out
    assert (run / "model" / "card.md").is_file()
    assert "Learning curves" in (run / "report.html").read_text()
    assert main([*words, "steps=3"]) == 0
    assert len((run / "starts.jsonl").read_text().splitlines()) == 2
    assert main([*words, "steps=3"]) == 2
    assert "is complete (3 updates" in capsys.readouterr().err
