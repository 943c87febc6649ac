import json
from pathlib import Path

from vla.evaluation.ledger import append_to_ledger
from vla.evaluation.progress_file import ProgressFile
from vla.evaluation.results import EpisodeRecord

IDENTITY = {"suite": "toy", "seed": 1}


def record(seed: int) -> EpisodeRecord:
    return EpisodeRecord("reach", seed, "go", True, 5, "", ("go: reached",), (0.01,))


def test_ledger_keeps_every_line(tmp_path: Path) -> None:
    for status in ("crashed", "completed"):
        ledger = append_to_ledger(tmp_path / "new", {"status": status, "policy": "größer"})
    lines = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
    assert [line["status"] for line in lines] == ["crashed", "completed"]
    assert all(line["date"].endswith("+00:00") and line["policy"] == "größer" for line in lines)


def test_progress_is_found_again_by_the_same_evaluation(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "a.partial.jsonl"
    first = ProgressFile(path, IDENTITY)
    first.append(record(1))
    first.append(record(2))
    again = ProgressFile(path, dict(reversed(IDENTITY.items())))
    assert again.records == [record(1), record(2)]
    again.append(record(3))
    assert len(ProgressFile(path, IDENTITY).records) == 3


def test_progress_of_another_evaluation_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "a.partial.jsonl"
    ProgressFile(path, IDENTITY).append(record(1))
    assert ProgressFile(path, {**IDENTITY, "weights": "other"}).records == []


def test_a_line_cut_short_by_a_kill_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.partial.jsonl"
    progress = ProgressFile(path, IDENTITY)
    progress.append(record(1))
    progress.append(record(2))
    path.write_bytes(path.read_bytes()[:-10])
    again = ProgressFile(path, IDENTITY)
    assert again.records == [record(1)]
    again.append(record(2))
    assert ProgressFile(path, IDENTITY).records == [record(1), record(2)]
    again.remove()
    assert not path.exists()
