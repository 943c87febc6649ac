import json

import pytest

from vla.cli.main import main
from vla.doctor.examination import GROUPS
from vla.doctor.finding import failure, ok, warning


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put groups with known findings in place of the checks of this machine."""
    known = {
        "machine": [ok("cores", "2 cores")],
        "storage": [warning("cache", "5 GB [free]", "rm -r x")],
        "torch": [failure("torch", "no torch", "make setup")],
    }
    for name, findings in known.items():
        monkeypatch.setitem(GROUPS, name, lambda seconds, findings=findings: findings)  # type: ignore[index]


def test_findings_are_printed_with_what_mends_them(groups: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "checks=machine,storage"]) == 0
    shown = capsys.readouterr().out
    assert "cores: 2 cores" in shown and "5 GB [free]" in shown and "rm -r x" in shown
    assert "1 fine, 1 warnings, 0 failures" in shown
    assert main(["doctor", "checks=[machine,torch]"]) == 1
    assert "make setup" in capsys.readouterr().out


def test_json_holds_every_finding(groups: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "checks=storage,torch", "json=true"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    assert [(row["group"], row["status"], row["mend"]) for row in report["findings"]] == [
        ("storage", "warning", "rm -r x"),
        ("torch", "failure", "make setup"),
    ]


@pytest.mark.parametrize(
    ("option", "message"),
    [("checks=lungs", "unknown check 'lungs'"), ("time_limit=0", "time_limit=0"), ("json=maybe", "json=maybe")],
)
def test_wrong_options_are_named(option: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", option]) == 2
    assert message in capsys.readouterr().err


def test_quick_checks_run_on_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "checks=machine,storage,serial,packages", "json=true"])
    report = json.loads(capsys.readouterr().out)
    assert {row["group"] for row in report["findings"]} == {"machine", "storage", "serial", "packages"}
    assert all(row["mend"] for row in report["findings"] if row["status"] != "ok")


@pytest.mark.slow
def test_all_checks_answer_on_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "json=true"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {row["group"] for row in report["findings"]} == set(GROUPS)
