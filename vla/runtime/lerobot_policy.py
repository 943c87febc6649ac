"""Runs any lerobot policy checkpoint as a `vla.types.Policy`."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vla.data.features import IMAGES, STATE, TASK, camera_name
from vla.errors import CheckpointError
from vla.runtime.checkpoint import POSTPROCESSOR, PREPROCESSOR, Interface, find_checkpoint, offer, read_interface
from vla.types import ActionChunk, Observation, Subgoal

if TYPE_CHECKING:
    from lerobot.policies.pretrained import PreTrainedPolicy
    from lerobot.processor import PolicyProcessorPipeline


def load_policy(
    path: str,
    device: str = "auto",
    n_action_steps: int | None = None,
    threads: int | None = None,
    runtime: str = "auto",
) -> LerobotPolicy:
    """Load a policy of any type known to lerobot, ours included, and run it once so that its first chunk is not late.

    Args:
        path: checkpoint folder, folder of the training run that wrote it, or hub id.
        device: torch device; ``auto`` takes a GPU if there is one.
        n_action_steps: actions executed of each chunk; None leaves it to the checkpoint.
        threads: threads torch may use in this process; None leaves torch's choice.
        runtime: what runs the network: ``torch``, or what else the policy knows of; ``auto`` leaves it to the policy.

    Raises:
        CheckpointError: there is no such checkpoint, it is incomplete, or it is not for that runtime.
        VlaError: the policy knows no such runtime.
    """
    import torch
    from lerobot.configs import PreTrainedConfig
    from lerobot.policies.factory import get_policy_class, make_pre_post_processors
    from lerobot.utils.import_utils import register_third_party_plugins

    folder = find_checkpoint(path)
    if threads is not None:
        torch.set_num_threads(threads)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    register_third_party_plugins()
    try:
        config = PreTrainedConfig.from_pretrained(folder)
        config.device = device
        with redirect_stdout(io.StringIO()):
            model = get_policy_class(config.type).from_pretrained(folder, config=config)
        preprocessor, postprocessor = make_pre_post_processors(
            config,
            str(folder),
            preprocessor_overrides=_device_override(folder / PREPROCESSOR, device),
            postprocessor_overrides=_device_override(folder / POSTPROCESSOR, "cpu"),
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise CheckpointError(f"cannot load the policy in {folder}: {error}") from error
    use_runtime = getattr(model, "use_runtime", None)
    if use_runtime is not None:
        use_runtime(runtime)
    elif runtime not in ("auto", "torch"):
        raise CheckpointError(f"runtime={runtime}, but a policy of type {config.type} runs with torch only")
    policy = LerobotPolicy(model, preprocessor, postprocessor, read_interface(config, folder), n_action_steps)
    policy.warm_up()
    return policy


class LerobotPolicy:
    """A lerobot policy with its processors, from our observations to unnormalised action chunks.

    Policies that look at several past observations are given the present one in place of each.
    """

    def __init__(
        self,
        model: PreTrainedPolicy,
        preprocessor: PolicyProcessorPipeline[Any, Any],
        postprocessor: PolicyProcessorPipeline[Any, Any],
        interface: Interface,
        n_action_steps: int | None = None,
    ) -> None:
        self._model = model
        self._preprocessor = preprocessor
        self._postprocessor = postprocessor
        config: Any = model.config
        self._device = config.device
        self._has_past = config.n_obs_steps > 1
        self._own_steps: int = getattr(config, "n_action_steps", None) or getattr(config, "action_chunk_size", 1)
        self._interface = interface
        limit = self._own_steps if self._has_past else getattr(config, "chunk_size", self._own_steps)
        if n_action_steps is not None and not 1 <= n_action_steps <= limit:
            raise CheckpointError(f"n_action_steps={n_action_steps}, but this policy's chunks allow 1 to {limit}")
        self.n_action_steps = n_action_steps or self._own_steps

    @property
    def device(self) -> str:
        """Torch device the policy runs on."""
        return str(self._device)

    def features(self) -> tuple[dict[str, tuple[int, ...]], int]:
        """Return the inputs the policy wants with their shapes, and the size of an action."""
        return dict(self._interface.inputs), self._interface.action_dim

    def parameter_count(self) -> int:
        """Return the number of the policy's parameters."""
        return sum(parameter.numel() for parameter in self._model.parameters())

    def export(self, folder: Path, calibration: Iterable[dict[str, Any]] = ()) -> list[Path]:
        """Write the policy in a form that runs without this package; return the files.

        Args:
            folder: where to.
            calibration: batches of a dataset that it has not seen preprocessed; with any, a form in eight bits too.

        Raises:
            CheckpointError: policies of its type cannot be exported.
            ConfigError: this one cannot.
        """
        export = getattr(self._model, "export", None)
        if export is None:
            raise CheckpointError(f"policies of type {self._model.name} cannot be exported; late_fusion can")
        return export(folder, [self._preprocessor(batch) for batch in calibration])

    def reset(self) -> None:
        """Forget the previous episode."""
        self._model.reset()
        self._preprocessor.reset()
        self._postprocessor.reset()

    def warm_up(self) -> None:
        """Predict once from black frames."""
        inputs = self._interface.inputs
        frames = {
            camera_name(key): np.zeros((*shape[1:], shape[0]), np.uint8)
            for key, shape in inputs.items()
            if key.startswith(IMAGES)
        }
        state = np.zeros(inputs.get(STATE, (self._interface.action_dim,)), np.float32)
        self.predict_chunk(Observation(frames, state, 0.0), Subgoal("", "", ""))
        self.reset()

    def predict_chunk(self, observation: Observation, subgoal: Subgoal) -> ActionChunk:
        """Return the chunk (T, n) that starts at ``observation.time``, lerobot units.

        Raises:
            CheckpointError: the policy wants a camera, frame size or state that the robot does not have.
        """
        return self.predict_chunks([(observation, subgoal)])[0]

    def predict_chunks(self, requests: Sequence[tuple[Observation, Subgoal]]) -> list[ActionChunk]:
        """Return a chunk (T, n) for each observation and subgoal, as ``predict_chunk`` does, in one forward pass.

        A policy that looks at several past observations takes one pass for each. One that samples noise draws other
        noise for several than for one.

        Raises:
            CheckpointError: the policy wants a camera, frame size or state that a robot does not have.
        """
        import torch

        batches = [self._batch(*request) for request in requests]
        with torch.inference_mode():
            if self._has_past:
                chunks = [self._select_actions(self._preprocessor(batch)) for batch in batches]
            else:
                chunks = list(self._model.predict_action_chunk(self._preprocessor(_joined(batches))))
            actions = [self._postprocessor(chunk).to("cpu", torch.float32).numpy() for chunk in chunks]  # (T, n) each
        return [ActionChunk(one, seen.time) for one, (seen, _) in zip(actions, requests, strict=True)]

    def _batch(self, observation: Observation, subgoal: Subgoal) -> dict[str, Any]:
        import torch
        from lerobot.policies.utils import prepare_observation_for_inference

        columns = self._columns(observation, subgoal)
        return prepare_observation_for_inference(columns, torch.device(self._device), task=subgoal.text)

    def _columns(self, observation: Observation, subgoal: Subgoal) -> dict[str, np.ndarray]:
        """Return the policy's inputs under lerobot's names, unnormalised, without a batch dimension."""
        offered = offer(observation, subgoal)
        self._interface.check(offered)
        return {key: np.array(offered[key]) for key in self._interface.inputs}

    def _select_actions(self, batch: dict[str, Any]) -> Any:
        """Return one chunk (T, n) by way of lerobot's own observation and action queues."""
        import torch

        self._model.reset()
        return torch.cat([self._model.select_action(dict(batch)) for _ in range(self._own_steps)])


def _joined(batches: list[dict[str, Any]]) -> dict[str, Any]:
    """Return batches of one as one batch: tensors in a row, texts in a list."""
    import torch

    if len(batches) == 1:
        return batches[0]
    first = batches[0]
    joined: dict[str, Any] = {
        key: torch.cat([batch[key] for batch in batches]) for key, value in first.items() if torch.is_tensor(value)
    }
    return first | joined | {TASK: [batch[TASK] for batch in batches]}


def _device_override(pipeline: Path, device: str) -> dict[str, dict[str, str]]:
    steps = json.loads(pipeline.read_text())["steps"]
    named = any(step.get("registry_name") == "device_processor" for step in steps)
    return {"device_processor": {"device": device}} if named else {}
