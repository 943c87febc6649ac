"""Starts a late-fusion policy from one that was trained without some of its inputs, or with another head.

usage: python scripts/grow.py <run folder or checkpoint> <new checkpoint> field=value ...

For example ``crop_size=48`` adds the crop around the goal box. New weights are random, and what reads them is zero, so
the new policy does exactly what the old one did; this holds for inputs that come last, as the crop does. With
``head=l1`` all but the output layer stays. Give the result to ``vla train init=``.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
import yaml
from lerobot.configs.policies import PreTrainedConfig
from safetensors.torch import load_file, save_file
from torch import Tensor

from policies.late_fusion.modeling_late_fusion import LateFusionPolicy
from vla.runtime.checkpoint import find_checkpoint

OUTPUT = ("network.output.", "network.tokenizer.")
"""Tensors of the output layer and of its action tokens."""


def grow(source: str, target: Path, fields: dict[str, object]) -> None:
    """Write to ``target`` the policy of ``source`` with other configuration fields.

    Raises:
        ValueError: a tensor would have to shrink, to grow elsewhere than in its inputs, or to go.
    """
    folder = find_checkpoint(source)
    shutil.copytree(folder, target)
    config_file = target / "config.json"
    config_file.write_text(json.dumps(json.loads(config_file.read_text()) | fields, indent=4))
    old = load_file(folder / "model.safetensors")
    policy = LateFusionPolicy(PreTrainedConfig.from_pretrained(target))  # type: ignore[arg-type]
    kept = {name for name in old if "head" not in fields or not name.startswith(OUTPUT)}
    new = {name: _grown(name, old[name], like) if name in kept else like for name, like in policy.state_dict().items()}
    if lost := sorted(kept - set(new)):
        raise ValueError(f"the new policy has no {lost[0]}")
    save_file({name: value.contiguous() for name, value in new.items()}, target / "model.safetensors")


def _grown(name: str, value: Tensor, like: Tensor) -> Tensor:
    if value.shape == like.shape:
        return value
    if value.ndim != 2 or value.shape[0] != like.shape[0] or value.shape[1] > like.shape[1]:
        raise ValueError(f"{name} cannot grow from {tuple(value.shape)} to {tuple(like.shape)}")
    return torch.cat([value, value.new_zeros(len(value), like.shape[1] - value.shape[1])], dim=1)


if __name__ == "__main__":
    if len(sys.argv) < 4 or Path(sys.argv[2]).exists():
        sys.exit(__doc__)
    pairs = (argument.split("=", 1) for argument in sys.argv[3:])
    torch.manual_seed(0)
    grow(sys.argv[1], Path(sys.argv[2]), {name: yaml.safe_load(value) for name, value in pairs})
