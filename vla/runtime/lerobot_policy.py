"""Runs any lerobot policy checkpoint as a `vla.types.Policy`."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vla.data.features import ACTION, GOAL, IMAGES, STATE, TASK, image_key
from vla.errors import CheckpointError
from vla.types import ActionChunk, Observation, Subgoal, goal_vector

if TYPE_CHECKING:
    from lerobot.policies.pretrained import PreTrainedPolicy
    from lerobot.processor import PolicyProcessorPipeline

CONFIG = "config.json"
PREPROCESSOR = "policy_preprocessor.json"
POSTPROCESSOR = "policy_postprocessor.json"
INSIDE_A_RUN = ("", "pretrained_model", "checkpoints/last/pretrained_model")
"""Where a training run's folder keeps the policy, seen from the levels of it that a user may name."""


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
    policy = LerobotPolicy(model, preprocessor, postprocessor, n_action_steps)
    policy.warm_up()
    return policy


def check_robot(path: str, observation: Observation) -> None:
    """Make sure that a checkpoint fits a robot, from its configuration alone, without loading weights.

    Args:
        path: see ``load_policy``.
        observation: what the robot senses, frames included.

    Raises:
        CheckpointError: there is no such checkpoint, or it wants a camera, frame size or state that the robot lacks.
    """
    from lerobot.configs import PreTrainedConfig
    from lerobot.utils.import_utils import register_third_party_plugins

    register_third_party_plugins()
    config = PreTrainedConfig.from_pretrained(find_checkpoint(path))
    _check_fit(_input_shapes(config), _action_dim(config), _offered(observation, Subgoal("", "", "")))


def find_checkpoint(path: str) -> Path:
    """Return the local folder of a checkpoint, after downloading it if ``path`` is a hub id.

    Raises:
        CheckpointError: there is no such folder or hub id, or files are missing in it.
    """
    root = Path(path).expanduser()
    if not root.exists():
        root = _download(path)
    for inside in INSIDE_A_RUN:
        if (root / inside / CONFIG).is_file():
            folder = root / inside
            break
    else:
        raise CheckpointError(f"no policy in {path}: there is no {CONFIG}, and no checkpoints/last/ either")
    if missing := [name for name in (PREPROCESSOR, POSTPROCESSOR) if not (folder / name).is_file()]:
        raise CheckpointError(f"the checkpoint {folder} lacks {' and '.join(missing)}")
    return folder


class LerobotPolicy:
    """A lerobot policy with its processors, from our observations to unnormalised action chunks.

    Policies that look at several past observations are given the present one in place of each.
    """

    def __init__(
        self,
        model: PreTrainedPolicy,
        preprocessor: PolicyProcessorPipeline[Any, Any],
        postprocessor: PolicyProcessorPipeline[Any, Any],
        n_action_steps: int | None = None,
    ) -> None:
        self._model = model
        self._preprocessor = preprocessor
        self._postprocessor = postprocessor
        config: Any = model.config
        self._device = config.device
        self._has_past = config.n_obs_steps > 1
        self._own_steps: int = getattr(config, "n_action_steps", None) or getattr(config, "action_chunk_size", 1)
        self._inputs = _input_shapes(config)
        self._action_dim = _action_dim(config)
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
        return dict(self._inputs), self._action_dim

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
        frames = {
            key.removeprefix(f"{IMAGES}."): np.zeros((*shape[1:], shape[0]), np.uint8)
            for key, shape in self._inputs.items()
            if key.startswith(IMAGES)
        }
        state = np.zeros(self._inputs.get(STATE, (self._action_dim,)), np.float32)
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
        offered = _offered(observation, subgoal)
        _check_fit(self._inputs, self._action_dim, offered)
        return {key: np.array(offered[key]) for key in self._inputs}

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


def _input_shapes(config: Any) -> dict[str, tuple[int, ...]]:
    return {key: tuple(feature.shape) for key, feature in (config.input_features or {}).items()}


def _action_dim(config: Any) -> int:
    return int(config.output_features[ACTION].shape[0])


def _offered(observation: Observation, subgoal: Subgoal) -> dict[str, np.ndarray]:
    """Return what there is for a policy, under lerobot's names."""
    offered: dict[str, np.ndarray] = {image_key(name): frame for name, frame in observation.images.items()}
    return offered | {STATE: observation.state, GOAL: goal_vector(subgoal)}


def _check_fit(inputs: dict[str, tuple[int, ...]], action_dim: int, offered: dict[str, np.ndarray]) -> None:
    for key, shape in inputs.items():
        if key not in offered:
            raise CheckpointError(f"the policy wants {key}; the robot offers {', '.join(sorted(offered))}")
        actual = offered[key].shape
        if key.startswith(IMAGES):
            actual = (actual[2], *actual[:2])
        if actual != shape:
            raise CheckpointError(f"the policy wants {key} of shape {shape}; the robot's is {actual}")
    if action_dim != len(offered[STATE]):
        raise CheckpointError(f"the policy moves {action_dim} joints; the robot has {len(offered[STATE])}")


def _download(path: str) -> Path:
    """Fetch a hub id; a path below an existing folder is no hub id."""
    parent = Path(path).parent
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", path) or path.startswith(".") or parent.exists():
        raise CheckpointError(f"no such checkpoint folder: {path}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(path))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise CheckpointError(f"no such checkpoint folder, and not found on the hub either: {path}") from error


def _device_override(pipeline: Path, device: str) -> dict[str, dict[str, str]]:
    steps = json.loads(pipeline.read_text())["steps"]
    named = any(step.get("registry_name") == "device_processor" for step in steps)
    return {"device_processor": {"device": device}} if named else {}
