"""The late-fusion policy, found by lerobot's factory by name."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Literal

import torch
from lerobot.policies.pretrained import PreTrainedPolicy
from torch import Tensor

from policies.action_tokenizers.chunks import gather_chunks, read_motion
from policies.late_fusion.acceleration import Predictor, export, make_predictor
from policies.late_fusion.configuration_late_fusion import LateFusionConfig
from policies.late_fusion.inputs import unpack
from policies.late_fusion.network import LateFusionNetwork
from vla.data.features import ACTION
from vla.errors import CheckpointError, ConfigError, DatasetError

logger = logging.getLogger(__name__)

IS_PAD = f"{ACTION}_is_pad"


class LateFusionPolicy(PreTrainedPolicy):
    """Observation and subgoal text to a chunk of absolute actions.

    The ranges of action tokens and the statistics of states are fitted on a dataset's action and state columns. Built
    by lerobot's factory from dataset metadata, a new policy does that by itself; otherwise call ``fit``.

    Args:
        config: features must be set.
        dataset_meta: metadata of the training dataset; a policy without ``pretrained_path`` is fitted on it.
        **kwargs: ignored (lerobot passes ``dataset_stats``, which do not say how actions relate to states).
    """

    config_class = LateFusionConfig  # type: ignore[assignment]
    name = "late_fusion"  # type: ignore[assignment]
    config: LateFusionConfig

    def __init__(self, config: LateFusionConfig, dataset_meta: Any = None, **kwargs: Any) -> None:
        super().__init__(config)
        config.validate_features()
        self.network = LateFusionNetwork(config)
        self._queue: deque[Tensor] = deque(maxlen=config.n_action_steps)
        self._predictor: Predictor | None = None
        if dataset_meta is not None and not config.pretrained_path:
            try:
                self.fit(dataset_meta)
            except DatasetError as error:
                logger.warning("policy is not fitted yet: %s", error)

    def fit(self, dataset: Any) -> None:
        """Fit action tokens and state statistics.

        Args:
            dataset: a ``LeRobotDataset``, its metadata, or its folder; only actions and states are read.

        Raises:
            DatasetError: there are none, or their sizes do not fit the policy.
        """
        space = self.network.actions
        motion = read_motion(dataset)
        found = (motion.states.shape[1], motion.actions.shape[1])
        if found != (space.state_dim, space.action_dim):
            raise DatasetError(
                f"dataset has {found[0]} state and {found[1]} action dimensions, "
                f"the policy {space.state_dim} and {space.action_dim}"
            )
        targets = space.fit(*gather_chunks(motion, self.config.chunk_size))
        if self.network.tokenizer is not None:
            self.network.tokenizer.fit(targets)

    def get_optim_params(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Return parameter groups: vision apart, and no weight decay on biases, norms and learned vectors."""
        vision = {id(parameter) for parameter in self.network.encoders.parameters()}
        groups: dict[tuple[bool, bool], list[Tensor]] = {}
        for parameter in self.parameters():
            if parameter.requires_grad:
                groups.setdefault((id(parameter) in vision, parameter.ndim > 1), []).append(parameter)
        return [
            {
                "params": parameters,
                "lr": self.config.optimizer_lr * (self.config.vision_lr_scale if is_vision else 1.0),
                "weight_decay": self.config.optimizer_weight_decay if decays else 0.0,
            }
            for (is_vision, decays), parameters in groups.items()
        ]

    def forward(
        self, batch: dict[str, Any], reduction: Literal["mean", "none"] = "mean"
    ) -> tuple[Tensor, dict[str, float]]:
        """Return the training loss and figures to log.

        Padded actions do not count: where tokens belong to steps those tokens are left out, otherwise the last valid
        action is held to the end of the chunk.

        Args:
            batch: observations, ``task``, ``action`` (B, T, n) and optionally ``action_is_pad`` (B, T).
            reduction: "none" returns one loss a sample (B,).

        Raises:
            MissingModalityError: an input the policy was built with is not in the batch.
            CheckpointError: the policy has not been fitted.
        """
        self._check_fitted()
        if batch.get(ACTION) is None:
            raise ConfigError(f"a training batch needs {ACTION!r}")
        inputs = unpack(batch, self.config)
        actions = batch[ACTION].float()
        is_pad = batch.get(IS_PAD)
        is_pad = torch.zeros(actions.shape[:2], dtype=torch.bool, device=actions.device) if is_pad is None else is_pad
        actions = hold_last(actions, is_pad)
        targets = self.network.actions.to_targets(actions, inputs.states)  # (B, T, n)
        with self._autocast():
            outputs = self.network(inputs)
        with self._full_precision():
            losses = self.network.losses(outputs, targets, is_pad)  # (B,)
        with torch.no_grad(), self._full_precision():
            errors = (self.network.decode(outputs.detach()) - targets).abs().mean(-1)  # (B, T)
            action_error = errors[~is_pad].mean()
        figures = {"loss": losses.mean().item(), "action_error": action_error.item()}
        return (losses if reduction == "none" else losses.mean()), figures

    def use_runtime(self, runtime: str) -> None:
        """Choose what predicts from now on; the weights must not change any more.

        Args:
            runtime: ``torch``; ``onnx``, for the CPU, about twice as fast; ``int8``, faster still, once ``export``
                was given a calibration; ``compile``; or ``auto``.

        Raises:
            UnknownNameError: there is no such runtime.
            ConfigError: it does not fit the policy or its device.
            CheckpointError: the policy has not been fitted.
        """
        self._check_fitted()
        self._predictor = make_predictor(self.network, runtime, self._device_type)

    def export(self, folder: Path, calibration: Iterable[Mapping[str, Any]] = ()) -> list[Path]:
        """Write ``policy.onnx``, and ``policy.json`` which says what goes in and out; return the paths.

        Args:
            folder: where to.
            calibration: preprocessed batches; with any, ``policy_int8.onnx`` is written too, for ``runtime=int8``.

        Raises:
            ConfigError: the network cannot be exported.
            CheckpointError: the policy has not been fitted.
        """
        self._check_fitted()
        return export(self.network, folder, [unpack(batch, self.config) for batch in calibration])

    @torch.no_grad()
    def predict_action_chunk(self, batch: dict[str, Any], **kwargs: Any) -> Tensor:
        """Return absolute actions (B, T, n) in the dataset's units.

        Raises:
            MissingModalityError: an input the policy was built with is not in the batch.
            CheckpointError: the policy has not been fitted.
        """
        self._check_fitted()
        self.eval()
        inputs = unpack(batch, self.config)
        if self._predictor is not None:
            return self._predictor(inputs)
        with self._autocast():
            outputs = self.network(inputs)
        with self._full_precision():
            return self.network.actions.to_absolute(self.network.decode(outputs), inputs.states)

    @torch.no_grad()
    def select_action(self, batch: dict[str, Any], **kwargs: Any) -> Tensor:
        """Return the next action (B, n), predicting a new chunk every ``n_action_steps`` calls."""
        if not self._queue:
            chunk = self.predict_action_chunk(batch)
            self._queue.extend(chunk[:, : self.config.n_action_steps].unbind(1))
        return self._queue.popleft()

    def reset(self) -> None:
        """Forget the rest of the current chunk."""
        self._queue.clear()

    def _check_fitted(self) -> None:
        if not self.network.actions.fitted:
            raise CheckpointError("the policy has no action statistics yet: call policy.fit(dataset) before using it")

    def _autocast(self) -> AbstractContextManager[Any]:
        """Autocast as configured; with dtype float32 an autocast of the caller stays in force."""
        if self.config.dtype == "float32":
            return nullcontext()
        return torch.autocast(self._device_type, torch.bfloat16)

    def _full_precision(self) -> AbstractContextManager[Any]:
        """Chunks are encoded and decoded in float32, whatever the caller's autocast."""
        return torch.autocast(self._device_type, enabled=False)

    @property
    def _device_type(self) -> str:
        return torch.device(self.config.device or "cpu").type


def hold_last(actions: Tensor, is_pad: Tensor) -> Tensor:
    """Replace padded steps by the last action before them.

    Args:
        actions: (B, T, n).
        is_pad: (B, T), true from some step on.
    """
    steps = torch.arange(actions.shape[1], device=actions.device)
    last_valid = ((~is_pad).sum(1, keepdim=True) - 1).clamp(min=0)  # (B, 1)
    return actions.gather(1, torch.minimum(steps, last_valid)[..., None].expand_as(actions))
