"""Build what a run needs out of lerobot's own parts: configuration, policy, processors, optimizer."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from lerobot.configs import FeatureType, NormalizationMode
from lerobot.configs.default import DatasetConfig, WandBConfig
from lerobot.configs.policies import PreTrainedConfig
from lerobot.configs.train import TrainPipelineConfig
from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata
from lerobot.policies import PreTrainedPolicy, make_policy, make_pre_post_processors
from lerobot.processor import PolicyProcessorPipeline
from lerobot.scripts.lerobot_train import update_policy
from lerobot.utils.constants import IMAGENET_STATS
from lerobot.utils.feature_utils import dataset_to_policy_features
from lerobot.utils.import_utils import register_third_party_plugins
from lerobot.utils.logging_utils import AverageMeter, MetricsTracker
from lerobot.utils.random_utils import get_rng_state, set_rng_state
from safetensors.torch import load_file

from vla.data.location import dataset_location
from vla.decoding import decode
from vla.errors import CheckpointError, ConfigError, DatasetError, UnknownNameError
from vla.training.data import Batch, float_images
from vla.training.inputs import add_inputs, add_steps
from vla.training.options import TrainOptions

WEIGHTS = "model.safetensors"
TRIAL_UPDATES = 6
"""Updates that estimate the speed of a run by time; the first two do not count."""


@dataclass
class Learner:
    """A policy with everything that turns batches into updates of its weights."""

    policy: PreTrainedPolicy
    preprocessor: PolicyProcessorPipeline
    postprocessor: PolicyProcessorPipeline
    accelerator: Accelerator
    camera_keys: Sequence[str]
    grad_clip_norm: float

    def prepare(self, batch: Batch) -> Batch:
        """Turn a loader's batch into what ``policy.forward`` takes, on its device."""
        return self.preprocessor(float_images(batch, self.camera_keys))

    def update(self, tracker: MetricsTracker, optimizer: Any, batch: Batch) -> None:
        """Do one update, by lerobot's ``update_policy``."""
        start = time.perf_counter()
        prepared = self.prepare(batch)
        tracker.dataloading_s = time.perf_counter() - start
        update_policy(tracker, self.policy, prepared, optimizer, self.grad_clip_norm, self.accelerator)

    @torch.no_grad()
    def measure(self, batches: Iterator[Batch]) -> dict[str, float]:
        """Return means over batches in evaluation mode: of the loss, and of what else the policy reports as a number.

        Leaves the random state as it was.
        """
        state = get_rng_state()
        torch.manual_seed(0)
        self.policy.eval()
        totals: defaultdict[str, float] = defaultdict(float)
        count = 0
        with self.accelerator.autocast():
            for batch in batches:
                size = len(batch["index"])
                loss, figures = self.policy.forward(self.prepare(batch))
                count += size
                for name, value in {**(figures or {}), "loss": loss.item()}.items():
                    if isinstance(value, float):
                        totals[name] += value * size
        self.policy.train()
        set_rng_state(state)
        return {name: total / max(count, 1) for name, total in totals.items()}


def policy_config(fields: Mapping[str, Any], device: str) -> PreTrainedConfig:
    """Return the lerobot configuration of ``fields["type"]`` with the other fields set.

    Raises:
        UnknownNameError: the type, or one of the fields, does not exist.
        ConfigError: a value does not fit its field.
    """
    register_third_party_plugins()
    known = PreTrainedConfig.get_known_choices()
    kind = str(fields["type"])
    if kind not in known:
        raise UnknownNameError("policy type", kind, known)
    cls = PreTrainedConfig.get_choice_class(kind)
    names = {field.name for field in dataclasses.fields(cls)}
    values: dict[str, Any] = {key: value for key, value in fields.items() if key != "type"}
    for key in values:
        if key not in names:
            raise UnknownNameError(f"field of policy {kind}", key, names)
    values |= {"push_to_hub": False}
    if device != "auto":
        values["device"] = device
    return decode(cls, values, f"policy {kind}")


def pipeline_config(
    options: TrainOptions, policy: PreTrainedConfig, episodes: Sequence[int], steps: int
) -> TrainPipelineConfig:
    """Return lerobot's description of the run, which is saved with every checkpoint."""
    repo_id, root = dataset_location(options.dataset)
    return TrainPipelineConfig(
        dataset=DatasetConfig(repo_id=repo_id, root=root, episodes=list(episodes)),
        policy=policy,
        output_dir=options.output,
        job_name=options.output.name,
        seed=options.seed,
        num_workers=options.workers,
        batch_size=options.batch_size,
        steps=steps,
        log_freq=options.log_steps,
        optimizer=policy.get_optimizer_preset(),
        scheduler=policy.get_scheduler_preset(),
        wandb=WandBConfig(enable=options.wandb, project="vla", disable_artifact=True),
    )


def make_accelerator(device: str, precision: str) -> Accelerator:
    """Return the accelerator for one process."""
    accelerator = Accelerator(
        step_scheduler_with_optimizer=False,
        mixed_precision="bf16" if precision == "bf16" else "no",
        cpu=device == "cpu",
    )
    if accelerator.num_processes > 1:
        raise ConfigError("vla train runs in one process; for several GPUs use `accelerate launch` with lerobot-train")
    return accelerator


def make_learner(
    options: TrainOptions,
    policy_cfg: PreTrainedConfig,
    meta: LeRobotDatasetMetadata,
    accelerator: Accelerator,
    checkpoint: Path | None,
) -> Learner:
    """Make a new policy with its processors, or load both from a checkpoint's ``pretrained_model`` folder."""
    use_imagenet_stats(meta)
    add_inputs(policy_cfg, meta, options.text_input)
    policy_cfg.pretrained_path = checkpoint
    policy = make_policy(policy_cfg, ds_meta=meta)
    device = {"device_processor": {"device": accelerator.device.type}}
    pre, post = make_pre_post_processors(
        policy_cfg,
        pretrained_path=str(checkpoint) if checkpoint else None,
        **({"preprocessor_overrides": device} if checkpoint else {"dataset_stats": meta.stats}),  # type: ignore[arg-type]
    )
    if not checkpoint:
        add_steps(pre, policy_cfg, options.text_input, options.frame_size)
    policy_cfg.pretrained_path = None
    policy.train()
    clip = policy_cfg.get_optimizer_preset().grad_clip_norm
    return Learner(policy, pre, post, accelerator, list(meta.camera_keys), clip)


def load_weights(policy: PreTrainedPolicy, path: str) -> None:
    """Start from the weights and buffers of another checkpoint of the same architecture.

    Raises:
        CheckpointError: there is no checkpoint, or its tensors are not the policy's.
    """
    folder = next(
        (f for f in (Path(path), Path(path) / "checkpoints/last/pretrained_model") if (f / WEIGHTS).is_file()), None
    )
    if folder is None:
        raise CheckpointError(f"init={path}: there is no {WEIGHTS}")
    weights, expected = load_file(folder / WEIGHTS), policy.state_dict()
    wrong = [name for name in expected if name not in weights or weights[name].shape != expected[name].shape]
    if wrong or len(weights) > len(expected):
        raise CheckpointError(
            f"init={path} has another architecture: {(wrong or sorted(set(weights) - set(expected)))[0]}"
        )
    policy.load_state_dict(weights)


def check_inputs(policy_cfg: PreTrainedConfig, meta: LeRobotDatasetMetadata) -> None:
    """Make sure that a policy can be made for a dataset, before anything is made of either.

    Raises:
        ConfigError: the policy needs columns that the dataset lacks.
        DatasetError: statistics are missing, or the features are none that lerobot's policies take.
    """
    trial = copy.deepcopy(policy_cfg)
    try:
        features = dataset_to_policy_features(meta.features)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise DatasetError(f"the features of {meta.root} fit no policy: {error}") from error
    trial.output_features = {key: feature for key, feature in features.items() if feature.type is FeatureType.ACTION}
    trial.input_features = trial.input_features or {
        key: feature for key, feature in features.items() if key not in (trial.output_features or {})
    }
    try:
        trial.validate_features()
    except ValueError as error:
        raise ConfigError(f"policy {policy_cfg.type} does not fit {meta.root}: {error}") from error
    modes = getattr(trial, "normalization_mapping", {})
    for key, feature in {**trial.input_features, **trial.output_features}.items():
        mode = modes.get(feature.type.value, NormalizationMode.IDENTITY)
        if feature.type is FeatureType.VISUAL or mode is NormalizationMode.IDENTITY or key in (meta.stats or {}):
            continue
        raise DatasetError(
            f"{meta.root}/meta/stats.json has no {key}, by which policy {policy_cfg.type} is normalised; "
            "`lerobot-edit-dataset --operation.type=recompute_stats` computes it, and policy=late_fusion does without"
        )


def use_imagenet_stats(meta: LeRobotDatasetMetadata) -> None:
    """Replace the frames' mean and deviation by ImageNet's, as lerobot does by default."""
    meta.stats = meta.stats or {}
    for key in meta.camera_keys:
        for name, values in IMAGENET_STATS.items():
            meta.stats.setdefault(key, {})[name] = np.array(values, np.float32)


def make_tracker(options: TrainOptions, frames: int, episodes: int, step: int) -> MetricsTracker:
    """Return the averages that lerobot's ``update_policy`` fills."""
    names = {"loss": ":.3f", "grad_norm": ":.3f", "lr": ":0.1e", "update_s": ":.3f", "dataloading_s": ":.3f"}
    if torch.cuda.is_available():
        names["gpu_mem_gb"] = ":.2f"
    meters = {name: AverageMeter(name, format) for name, format in names.items()}
    return MetricsTracker(options.batch_size, frames, episodes, meters, initial_step=step)


def seconds_per_update(learner: Learner, config: TrainPipelineConfig, batches: Iterator[Batch]) -> float:
    """Time updates on a throw-away copy of the policy; the random state and the policy stay as they were."""
    state = get_rng_state()
    trial = dataclasses.replace(learner, policy=copy.deepcopy(learner.policy))
    assert config.optimizer is not None
    optimizer = config.optimizer.build(trial.policy.get_optim_params())
    tracker = MetricsTracker(1, 1, 1, {name: AverageMeter(name) for name in ("loss", "grad_norm", "lr", "update_s")})
    tracker.metrics |= {"dataloading_s": AverageMeter("dataloading_s"), "gpu_mem_gb": AverageMeter("gpu_mem_gb")}
    times = []
    for _ in range(TRIAL_UPDATES):
        start = time.perf_counter()
        trial.update(tracker, optimizer, next(batches))
        times.append(time.perf_counter() - start)
    set_rng_state(state)
    return sum(times[2:]) / len(times[2:])
