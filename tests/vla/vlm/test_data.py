import pickle
import re

import datasets.config
import pytest
from PIL import Image

from tests.helpers.toy_views import ToyViews, toy_view
from vla.cli.main import main
from vla.errors import DatasetError
from vla.vlm.data import load_views
from vla.vlm.data.samples import choose_samples, write_samples
from vla.vlm.data.shards import plan_shards, read_shard, write_shard
from vla.vlm.examples import KINDS, View


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


def command(folder, *options, suite="SUITE"):
    return main(
        ["vlm", "data", f"suite=tests.helpers.toy_views:{suite}", "views=7", "test_views=3", "shard_views=4"]
        + ["moments=2", "workers=1", "samples=4", f"output={folder}", *options]
    )


def test_views_survive_the_file(folder):
    views = [toy_view(1, 0, "train"), toy_view(2, 5, "test")]
    write_shard(folder / "train" / "000000.parquet", views)
    assert read_shard(folder / "train" / "000000.parquet") == views
    read = load_views(folder, "train")
    assert list(read) == views and read[1] == views[1] and list(read[:1]) == views[:1]
    assert pickle.loads(pickle.dumps(read))[0] == views[0]
    assert [path.name for path in (folder / "train").iterdir()] == ["000000.parquet"]


def test_a_folder_without_views_is_named(folder):
    with pytest.raises(DatasetError, match=f"{folder} has no views in test/"):
        load_views(folder, "test")


def test_datasets_reads_the_folder_by_itself(folder):
    assert command(folder) == 0
    loaded = datasets.load_dataset(str(folder))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 7, "test": 3}
    row = loaded["train"][0]
    assert isinstance(row["images"][0], Image.Image) and row["images"][0].size == (8, 8)
    assert row["cameras"] == ["front", "wrist"]
    assert [question["kind"] for question in row["questions"]] == list(KINDS)
    assert row["questions"][0]["boxes"][0]["camera"] == "front"
    assert (row["seed"], row["task"]) == (0, "toy/reach")


def test_seeds_of_the_splits_are_apart_and_none_is_used_twice(folder):
    ToyViews.asked.clear()
    assert command(folder) == 0
    assert ToyViews.asked == [(seed, "train") for seed in range(4)] + [(1_000_000, "test"), (1_000_001, "test")]


def test_an_interrupted_run_goes_on_to_the_same_rows(folder, tmp_path, monkeypatch):
    whole = tmp_path / "whole"
    assert command(whole) == 0
    take = ToyViews.views

    def interrupted(self, seed, split, count, *, perturb):
        if seed == 2:
            raise KeyboardInterrupt
        return take(self, seed, split, count, perturb=perturb)

    monkeypatch.setattr(ToyViews, "views", interrupted)
    assert command(folder) == 130
    monkeypatch.setattr(ToyViews, "views", take)
    assert (folder / "train" / "000000.parquet").is_file() and not (folder / "train" / "000001.parquet").exists()
    ToyViews.asked.clear()
    assert command(folder) == 0
    assert [seed for seed, _ in ToyViews.asked] == [2, 3, 1_000_000, 1_000_001]
    for name in ("train/000000", "train/000001", "test/000000"):
        assert read_shard(folder / f"{name}.parquet") == read_shard(whole / f"{name}.parquet")


def test_another_command_does_not_go_on_with_it(folder, capsys):
    assert command(folder) == 0
    assert command(folder, "seed=5") == 2
    assert "was begun with seed=0, not 5" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "message"),
    [("views=0", "views=0 must be at least 1"), ("seed=999999", "seed=999999 must be between 0 and")],
)
def test_wrong_options_write_nothing(folder, capsys, option, message):
    assert command(folder, option) == 2
    assert message in capsys.readouterr().err
    assert not folder.exists()


def test_a_suite_without_questions_and_a_folder_of_something_else(folder, capsys):
    assert command(folder, suite="BLIND") == 2
    assert "has no questions" in capsys.readouterr().err
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    assert command(folder) == 2
    assert "holds no views" in capsys.readouterr().err


@pytest.mark.parametrize(("views", "size", "moments"), [(10, 4, 3), (4, 4, 4), (1, 8, 5), (0, 3, 2)])
def test_shards_cover_the_views_with_seeds_of_their_own(views, size, moments):
    shards = plan_shards("train", views, size, moments, 7)
    assert sum(shard.views for shard in shards) == views
    seeds = [shard.first_seed + i for shard in shards for i in range(-(-shard.views // moments))]
    assert len(set(seeds)) == len(seeds) and min(seeds, default=7) == 7
    assert len({shard.name for shard in shards}) == len(shards)


def test_the_page_shows_every_kind_and_needs_nothing_else(tmp_path):
    views = [toy_view(seed, 0, "train") for seed in range(3)]
    write_samples(tmp_path / "samples.html", views, "A <title>")
    page = (tmp_path / "samples.html").read_text()
    for kind in KINDS:
        assert f'<td class="kind">{kind}' in page
        assert f"train {kind} &lt;2&gt;?" in page
    assert page.count("data:image/png;base64,") == 6 and "A &lt;title&gt;" in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert "left:12.5%;top:25.0%;width:37.5%;height:50.0%" in page


def test_samples_have_every_kind_that_there_is():
    every = toy_view(0, 0, "train").questions
    views = [View((), (), every[index % 5 : index % 5 + 1], (), index, "", 0.0) for index in range(40)]
    views.append(View((), (), every[-1:], (), 40, "", 0.0))
    chosen = choose_samples(views, 8)
    assert len(chosen) == 8 and len({view.seed for view in chosen}) == 8
    assert {view.questions[0].kind for view in chosen} == {*KINDS[:5], KINDS[-1]}
    assert choose_samples(views[:2], 8) == views[:2]
