import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from vla.doctor import cameras, machine, packages, rendering, serial_ports, storage, torch_device, weights
from vla.doctor.devices import let_me_use, may_use
from vla.doctor.examination import GROUPS, choose, examine, run_limited
from vla.doctor.finding import Finding, ok
from vla.doctor.probe import ProbeError, last_words, probe
from vla.errors import UnknownNameError

ROOT = Path(__file__).parents[3]


def statuses(findings: Sequence[Finding]) -> list[str]:
    return [finding.status for finding in findings]


def double(value: int) -> dict[str, int]:
    print("a library says hello")
    return {"doubled": 2 * value}


def die() -> None:
    os.abort()


def complain() -> None:
    raise ValueError("the lens\nis dirty")


def hang() -> None:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    time.sleep(60)


def test_a_probe_answers_or_says_how_it_ended() -> None:
    assert probe(double, 4, seconds=60) == {"doubled": 8}
    with pytest.raises(ProbeError, match="the process died of SIGABRT"):
        probe(die, seconds=60)
    with pytest.raises(ProbeError, match="ValueError: the lens") as raised:
        probe(complain, seconds=60)
    assert raised.value.mend("video", 5, "wash it") == "wash it"
    started = time.monotonic()
    with pytest.raises(ProbeError, match=r"no answer within 0\.5 s") as raised:
        probe(hang, seconds=0.5)
    assert time.monotonic() - started < 10
    assert raised.value.mend("video", 5, "wash it") == "vla doctor checks=video time_limit=15"


def test_last_words_name_the_error() -> None:
    trace = "Traceback\n  File x\nRuntimeError: no codec. Reasons:\n 1. FFmpeg\n[end of traceback].\n"
    assert last_words(trace) == "RuntimeError: no codec. Reasons:"
    assert last_words("Segmentation\nfault") == "fault" and last_words("") == ""


def test_python_and_packages_are_held_against_their_bounds() -> None:
    assert packages.check_python("3.12.4", ">=3.12,<3.13").status == "ok"
    wrong = packages.check_python("3.13.0", ">=3.12,<3.13")
    assert wrong.status == "failure" and wrong.mend
    found = packages.check_packages(
        ["numpy>=1", "numpy>=999", "no-such-package", "no-such-either; sys_platform == 'none'"]
    )
    assert [(finding.name, finding.status) for finding in found] == [
        ("numpy", "failure"),
        ("no-such-package", "failure"),
        ("packages", "ok"),
    ]
    assert ">=999" in found[0].message and "not installed" in found[1].message and "1 packages" in found[2].message


def test_bounds_are_those_of_the_checkout_else_of_the_installed_package(tmp_path: Path) -> None:
    python, required = packages.bounds(ROOT / "pyproject.toml")
    assert python == ">=3.12,<3.13" and "rich" in required
    other = tmp_path / "pyproject.toml"
    other.write_text('[project]\nname = "another"\n')
    for path in (other, tmp_path / "none.toml"):
        python, required = packages.bounds(path)
        names = {Requirement(text).name for text in required}
        assert python and "torch" in names and "pytest" not in names


def answer(device: str = "cpu", threads: int = 2) -> dict:
    return {"version": "2.11", "device": device, "name": "H100" if device == "cuda" else "", "threads": threads}


def test_torch_without_the_gpu_that_is_there_is_a_warning() -> None:
    assert statuses(torch_device.judge(answer(), [], 2)) == ["ok", "ok"]
    assert statuses(torch_device.judge(answer("cuda"), ["H100"], 2)) == ["ok", "ok"]
    unused, threads = torch_device.judge(answer(threads=8), ["H100"], 2)
    assert unused.status == "warning" and "H100" in unused.message and unused.mend
    assert threads.status == "warning" and threads.mend == "export OMP_NUM_THREADS=2"


def test_space_is_judged(tmp_path: Path) -> None:
    judged = [storage.judge_space("cache", tmp_path, free, "rm x") for free in (50.0, 5.0, 0.5)]
    assert statuses(judged) == ["ok", "warning", "failure"]
    assert [finding.mend for finding in judged] == ["", "rm x", "rm x"]
    assert storage.check_folder("outputs", tmp_path / "not" / "yet", "rm x").status in ("ok", "warning")
    file = tmp_path / "file"
    file.touch()
    assert storage.check_folder("outputs", file / "below", "rm x").status == "failure"
    assert not (tmp_path / "not").exists()


def test_cores_and_memory_are_judged() -> None:
    assert statuses([machine.check_cores(1), machine.check_cores(2)]) == ["warning", "ok"]
    assert statuses([machine.check_memory(8, 2), machine.check_memory(8, 6)]) == ["warning", "ok"]


def test_ports_that_may_not_be_opened_are_warnings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "ttyACM0"
    device.touch()
    assert statuses(serial_ports.judge([(str(device), "arm")])) == ["ok"]
    monkeypatch.setattr("vla.doctor.devices.os.access", lambda *_: False)
    (finding,) = serial_ports.judge([(str(device), "arm")])
    assert finding.status == "warning" and str(device) in finding.message and finding.mend.startswith("sudo ")
    assert not may_use(str(device)) and may_use("COM3")
    monkeypatch.setattr(Path, "group", lambda self: "dialout")
    assert let_me_use(str(device)) == "sudo usermod -aG dialout $USER, then log in again"
    assert statuses(serial_ports.judge([])) == ["ok"]


def test_cameras_that_may_not_be_opened_are_warnings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "video0"
    device.touch()
    monkeypatch.setattr(cameras, "camera_devices", lambda: [str(device)])
    monkeypatch.setattr(cameras, "may_use", lambda device: False)
    assert statuses(cameras.check(5)) == ["warning"]
    monkeypatch.setattr(cameras, "camera_devices", lambda: [])
    assert cameras.check(5) == [cameras.none_found()]


def test_a_file_that_is_no_camera_gives_no_frames(tmp_path: Path) -> None:
    assert cameras.take_frames([str(tmp_path / "video0")]) == []


def test_damaged_weights_are_noticed(tmp_path: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    file = tmp_path / "model.safetensors"
    assert "there is no" in weights.safetensors_problem(file)
    save_file({"w": np.ones((4, 4), np.float32)}, file, metadata={"by": "test"})
    assert weights.safetensors_problem(file) == ""
    whole = file.read_bytes()
    file.write_bytes(whole[:-8])
    assert "instead of" in weights.safetensors_problem(file)
    for damaged in (b"", b"version https\noid sha256:0", whole[:20]):
        file.write_bytes(damaged)
        assert "holds no weights" in weights.safetensors_problem(file)
    assert weights.check_policy(tmp_path, 5).status == "failure"
    assert weights.check_policy(tmp_path / "none", 5).status == "failure"


def test_released_weights_and_packages_are_whole() -> None:
    assert weights.safetensors_problem(ROOT / weights.RELEASED / "model.safetensors") == ""
    assert statuses([weights.check_package(model) for model in weights.PACKAGES]) == ["ok"] * 3


def test_a_missing_package_with_weights_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(weights.PACKAGES, "Other", ("no_such_module", "no-such-package"))
    assert weights.check_package("Other").status == "failure"
    monkeypatch.setitem(weights.PACKAGES, "Other", ("vla", "vla"))
    assert "holds no weights" in weights.check_package("Other").message


def test_a_frame_is_rendered_and_a_broken_backend_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert statuses(rendering.check(120)) == ["ok"]
    monkeypatch.setenv("MUJOCO_GL", "crayon")
    (finding,) = rendering.check(120)
    assert finding.status == "failure" and "crayon" in finding.message and finding.mend


def test_groups_are_chosen_by_name() -> None:
    assert choose("all") == list(GROUPS)
    assert choose("torch, storage") == ["torch", "storage"]
    with pytest.raises(UnknownNameError, match="Did you mean 'storage'"):
        choose("storag")


def test_a_group_that_breaks_or_hangs_is_a_failure() -> None:
    def broken(seconds: float) -> list[Finding]:
        raise OSError("no disk")

    def stuck(seconds: float) -> list[Finding]:
        time.sleep(30)
        return []

    groups = {"good": lambda seconds: [ok("good", "fine")], "broken": broken}
    found = dict(examine(["good", "broken"], 1, groups))
    assert statuses(found["good"]) == ["ok"]
    assert statuses(found["broken"]) == ["failure"] and "no disk" in found["broken"][0].message
    (late,) = run_limited("stuck", stuck, 0.05, margin=0.2)
    assert late.status == "failure" and "no answer within 0.3 s" in late.message
