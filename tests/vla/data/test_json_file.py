"""Files of JSON that an interruption cannot spoil."""

from __future__ import annotations

import json
from pathlib import Path

from vla.data.json_file import whole_lines, write_json


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}\n{"a":')
    assert whole_lines(path) == ['{"a": 1}\n', '{"a": 2}\n']
    assert whole_lines(tmp_path / "missing.jsonl") == []


def test_words_may_contain_what_unicode_takes_for_the_end_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text(json.dumps("one\u2028two\u0085three", ensure_ascii=False) + "\n", encoding="utf-8")
    assert [json.loads(line) for line in whole_lines(path)] == ["one\u2028two\u0085three"]


def test_a_file_is_written_aside_and_renamed(tmp_path: Path) -> None:
    write_json(tmp_path / "deep" / "values.json", {"ä": 1})
    assert json.loads((tmp_path / "deep" / "values.json").read_text(encoding="utf-8")) == {"ä": 1}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["values.json"]
