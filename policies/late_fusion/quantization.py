"""Eight-bit inference on a CPU: the convolutions of an exported network, with ranges taken from real frames.

The rest stays in 32 bits: eight bits in the head cost a degree of accuracy and save little.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

Feed = dict[str, np.ndarray]
"""Names of a program's inputs to their values."""


def quantize(program: Path, feeds: Iterable[Feed], target: Path) -> None:
    """Write a program whose convolutions run in eight bits.

    Args:
        program: an exported network.
        feeds: what it is to see, as it will in use.
        target: file to write; it appears when it is complete.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it warns of the step that is done here
    try:
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            prepared, fresh = Path(folder) / "prepared.onnx", Path(folder) / target.name
            quant_pre_process(program, prepared, skip_symbolic_shape=True)
            quantize_static(
                prepared,
                fresh,
                _Feeds(feeds),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["Conv"],
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
            fresh.replace(target)
    finally:
        root.setLevel(level)


class _Feeds(CalibrationDataReader):
    def __init__(self, feeds: Iterable[Feed]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> Any:
        """Return the next feed; None after the last."""
        return next(self._feeds, None)
