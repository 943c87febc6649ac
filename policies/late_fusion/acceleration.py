"""Faster inference with the same weights: ONNX Runtime on a CPU, compilation elsewhere."""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from policies.late_fusion.inputs import Inputs
from policies.late_fusion.network import LateFusionNetwork
from vla.data.installed import cache_folder
from vla.data.json_file import write_json
from vla.data.sentences import shared_text_encoder
from vla.errors import ConfigError, UnknownNameError

RUNTIMES = ("auto", "torch", "onnx", "int8", "compile")
"""``auto`` is ``onnx`` on a CPU where the network can be exported, and ``torch`` everywhere else."""
STATE, GOAL, TEXT, ACTIONS = "state", "goal", "text", "actions"
"""Names of the exported network's inputs beside the cameras' dataset columns, and of its output."""
OPSET = 20

Predictor = Callable[[Inputs], Tensor]
"""Inputs to absolute actions (B, T, n)."""


class Inference(nn.Module):
    """A network from what the robot senses to absolute actions, in tensors only.

    Args:
        network: fitted; set to evaluation.
    """

    def __init__(self, network: LateFusionNetwork) -> None:
        super().__init__()
        self.network = network.eval()

    def forward(self, frames: dict[str, Tensor], state: Tensor, goal: Tensor, text: Tensor | None) -> Tensor:
        """Return actions (B, T, n).

        Args:
            frames: dataset column -> frames (B, 3, H, W), float in [0, 1].
            state: (B, m), unnormalised.
            goal: (B, 5).
            text: sentence embeddings (B, d), or None for a policy without text.
        """
        outputs = self.network.run(frames, state, goal, text)
        return self.network.actions.to_absolute(self.network.decode(outputs), state)


def make_predictor(network: LateFusionNetwork, runtime: str, device: str) -> Predictor | None:
    """Return what predicts instead of the network itself; None where nothing does.

    Args:
        network: fitted; must not be trained any more.
        runtime: one of `RUNTIMES`.
        device: where the network is.

    Raises:
        UnknownNameError: there is no such runtime.
        ConfigError: the network cannot be exported, or not for this device.
    """
    if runtime not in RUNTIMES:
        raise UnknownNameError("runtime", runtime, RUNTIMES)
    if runtime == "auto":
        runtime = "onnx" if device == "cpu" and _is_tensor_program(network) else "torch"
    if runtime == "torch":
        return None
    _check_exportable(network)
    if runtime in ("onnx", "int8"):
        if device != "cpu":
            raise ConfigError(f"runtime={runtime} runs on the CPU, and device={device}")
        return OnnxPredictor(network, _exported(network) if runtime == "onnx" else _quantized(network))
    compiled = torch.compile(Inference(network), mode="reduce-overhead" if device.startswith("cuda") else "default")
    return lambda inputs: compiled(inputs.frames, inputs.states, inputs.goals, _embedded(network, inputs)).clone()


class OnnxPredictor:
    """Runs an exported network with ONNX Runtime, with as many threads as torch has.

    Args:
        network: what was exported.
        program: the file.
    """

    def __init__(self, network: LateFusionNetwork, program: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.inter_op_num_threads = 1
        self._network = network
        self._session = onnxruntime.InferenceSession(str(program), options, providers=["CPUExecutionProvider"])
        self._taken = {node.name for node in self._session.get_inputs()}

    def __call__(self, inputs: Inputs) -> Tensor:
        """Return absolute actions (B, T, n)."""
        (actions,) = self._session.run(None, self.feed(inputs))
        return torch.from_numpy(actions)

    def feed(self, inputs: Inputs) -> dict[str, np.ndarray]:
        """Return what the program takes of the inputs, by name."""
        feed = {key: _unit_floats(frames).numpy() for key, frames in inputs.frames.items()}
        feed |= {STATE: inputs.states.numpy(), GOAL: inputs.goals.numpy()}
        if (text := _embedded(self._network, inputs)) is not None:
            feed[TEXT] = text.numpy()
        return {name: value for name, value in feed.items() if name in self._taken}


def export(network: LateFusionNetwork, folder: Path, calibration: Sequence[Inputs] = ()) -> list[Path]:
    """Write a network, fitted and on the CPU, as ``policy.onnx``, and ``policy.json`` which says what goes in and out.

    Args:
        network: what to write.
        folder: where to.
        calibration: what the policy is to see, as it will in use; with any, ``policy_int8.onnx`` is written too, and
            kept for ``runtime=int8`` on this machine.

    Raises:
        ConfigError: it cannot be exported.
    """
    _check_exportable(network)
    program, description = folder / "policy.onnx", folder / "policy.json"
    _write_onnx(network, program)
    write_json(description, _describe(network))
    if not calibration:
        return [program, description]
    from policies.late_fusion.quantization import quantize

    small, kept = folder / "policy_int8.onnx", _program_path(network, "-int8")
    reader = OnnxPredictor(network, program)
    quantize(program, map(reader.feed, calibration), small)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as temporary:
        Path(shutil.copy(small, Path(temporary) / kept.name)).replace(kept)
    return [program, description, small]


def _is_tensor_program(network: LateFusionNetwork) -> bool:
    return network.config.head != "tokens" or network.config.tokenizer != "fast"


def _check_exportable(network: LateFusionNetwork) -> None:
    if not _is_tensor_program(network):
        raise ConfigError("tokenizer=fast decodes text, which no exported network can; use runtime=torch")


def _write_onnx(network: LateFusionNetwork, path: Path) -> None:
    """Write one file, from frames, state, goal and sentence embedding to actions, for any number of samples."""
    config = network.config
    frames = {key: torch.rand(2, *feature.shape) for key, feature in config.image_features.items()}
    goal = torch.tensor([[1.0, 0.3, 0.3, 0.5, 0.5]]).repeat(2, 1)
    text = torch.randn(2, config.text_dim) if config.use_text else None
    example = (frames, torch.zeros(2, network.actions.state_dim), goal, text)
    batch = torch.export.Dim("batch")
    shapes = ({key: {0: batch} for key in frames}, {0: batch}, {0: batch}, None if text is None else {0: batch})
    names = [*frames, STATE, GOAL, *([] if text is None else [TEXT])]
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            Inference(network),
            example,
            input_names=names,
            output_names=[ACTIONS],
            dynamic_shapes=shapes,
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
        assert program is not None
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            fresh = Path(folder) / path.name
            program.save(str(fresh), external_data=False)
            fresh.replace(path)


def _describe(network: LateFusionNetwork) -> dict[str, Any]:
    """Return what somebody who runs the exported file must know of it."""
    config = network.config
    return {
        "inputs": {
            **{
                key: {"shape": ["batch", *feature.shape], "range": [0.0, 1.0]}
                for key, feature in config.image_features.items()
            },
            STATE: {"shape": ["batch", network.actions.state_dim], "names": config.action_feature_names},
            GOAL: {"shape": ["batch", 5], "meaning": "[present, x0, y0, x1, y1], fractions of the goal camera's frame"},
            **(
                {TEXT: {"shape": ["batch", config.text_dim], "encoder": config.text_encoder}} if config.use_text else {}
            ),
        },
        "outputs": {ACTIONS: {"shape": ["batch", config.chunk_size, network.actions.action_dim]}},
        "goal_camera": config.goal_camera,
        "n_action_steps": config.n_action_steps,
    }


def _exported(network: LateFusionNetwork) -> Path:
    """Return the network's file in the cache, after writing it if need be."""
    path = _program_path(network)
    if not path.exists():
        _write_onnx(network, path)
    return path


def _quantized(network: LateFusionNetwork) -> Path:
    path = _program_path(network, "-int8")
    if not path.exists():
        raise ConfigError("runtime=int8 needs real frames first: `vla export <checkpoint> calibrate=<dataset>`")
    return path


def _program_path(network: LateFusionNetwork, suffix: str = "") -> Path:
    """Return where the cache keeps the network in one of its forms."""
    digest = hashlib.sha256(f"{network.config} {OPSET} {torch.__version__}".encode())
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().contiguous().numpy().tobytes())
    return cache_folder("onnx") / f"{digest.hexdigest()[:24]}{suffix}.onnx"


def _embedded(network: LateFusionNetwork, inputs: Inputs) -> Tensor | None:
    if not network.config.use_text:
        return None
    return shared_text_encoder(network.config.text_encoder)(inputs.texts).to(inputs.states)


def _unit_floats(frames: Tensor) -> Tensor:
    """Return frames as float in [0, 1]."""
    return frames.float() / 255 if frames.dtype == torch.uint8 else frames.float()
