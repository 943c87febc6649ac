"""The layout's rules: who may import whom, and that starting up stays cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONTRACT = {"vla.types", "vla.errors", "vla.decoding", "vla.processes", "vla.provenance", "vla.rest"}
ALLOWED = {
    "vla.types": set(),
    "vla.errors": set(),
    "vla.decoding": {"vla.errors"},
    "vla.processes": set(),
    "vla.provenance": set(),
    "vla.rest": set(),
    "vla.language": CONTRACT,
    "vla.data": CONTRACT,
    "vla.vlm.training": CONTRACT | {"vla.language", "vla.data", "vla.training", "vla.vlm"},
    "vla.vlm": CONTRACT | {"vla.data", "vla.language"},
    "vla.planner": CONTRACT | {"vla.language", "vla.data", "vla.vlm"},
    "vla.safety": CONTRACT,
    "vla.robots": CONTRACT,
    "vla.runtime": CONTRACT | {"vla.data"},
    "vla.serve": CONTRACT | {"vla.data"},
    "vla.evaluation": CONTRACT | {"vla.data.json_file"},
    "vla.training": CONTRACT | {"vla.data"},
    "vla.reports": CONTRACT | {"vla.data", "vla.evaluation", "vla.training.records"},
    "envs": CONTRACT | {"vla.data", "vla.language", "vla.vlm.examples", "vla.vlm.grounding", "vla.vlm.prompts"},
    "policies": CONTRACT | {"vla.data"},
}
"""Package -> packages of ours that it may import besides itself. Those that are `FREE` see everything."""
OURS = ("vla", "envs", "policies", "lerobot_policy_vla")
FREE = ("vla.cli", "vla.api", "vla.bench", "vla.console", "vla.doctor", "lerobot_policy_vla")


def modules():
    for top in ("vla", "envs", "policies"):
        for path in sorted((ROOT / top).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            if name != "vla" and not name.startswith(FREE):
                yield name, path


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] in OURS}


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_follow_the_layout(name, path):
    package = next((package for package in ALLOWED if within(name, package)), None)
    assert package is not None, f"{name} is in no package that tests/test_imports.py knows"
    allowed = ALLOWED[package] | {package}
    wrong = {used for used in imported(path) if not any(within(used, other) for other in allowed)}
    assert not wrong, f"{name} may import {sorted(allowed)}, not {sorted(wrong)}"


HEAVY = ("torch", "lerobot", "transformers", "mujoco")


@pytest.mark.parametrize("arguments", [["--help"], ["eval", "--help"], ["evla"], ["train", "datset=x"]])
def test_help_and_wrong_arguments_load_nothing_heavy(arguments):
    code = (
        "import sys; from vla.cli.main import main; status = main(sys.argv[1:]);"
        f"loaded = [name for name in {HEAVY} if name in sys.modules]; print('LOADED', status, loaded)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=ROOT)
    status = 0 if "--help" in arguments else 2
    assert done.stdout.splitlines()[-1] == f"LOADED {status} []", done.stdout + done.stderr
