import subprocess
import sys
from pathlib import Path

import pytest

from vla.provenance import command, git_commit, provenance, versions


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_commit_is_marked_when_files_differ_from_it(tmp_path: Path) -> None:
    assert git_commit(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert git_commit(tmp_path) is None, "nothing is committed yet"
    file = tmp_path / "file"
    file.write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-q", "-m", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert git_commit(tmp_path) == commit
    file.write_text("two")
    assert git_commit(tmp_path) == f"{commit}+"
    (tmp_path / "below").mkdir()
    assert git_commit(tmp_path / "below") is None, "a folder inside another project's checkout"


def test_the_command_can_be_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/vla", "run", "press the button", "seed=3"])
    assert command() == "vla run 'press the button' seed=3"


def test_versions_leave_out_what_is_not_installed() -> None:
    found = versions(["numpy", "no-such-package"])
    assert list(found) == ["python", "numpy"]


def test_the_machine_is_described() -> None:
    made = provenance()
    assert made["cores"] >= 1 and made["cpu"] and made["system"]
    assert made["date"].endswith("+00:00")
