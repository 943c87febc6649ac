"""Messages on the wire: msgpack with numpy arrays in it, laid out as openpi's client does it. Numbers only, no pickle.

An array is a map ``{b"__ndarray__": True, b"data": bytes, b"dtype": "<f4", b"shape": [T, n]}`` in C order; a numpy
scalar is ``{b"__npgeneric__": True, b"data": number, b"dtype": "<f4"}``.
"""

from __future__ import annotations

import math
import re
from typing import Any

import msgpack
import numpy as np

from vla.errors import ProtocolError

ARRAY, SCALAR = b"__ndarray__", b"__npgeneric__"
DTYPE = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")
"""Booleans, integers and floating-point numbers: what an observation is made of."""
MAX_DIMENSIONS = 5
MAX_ENTRIES = 256
"""Most keys of a map."""
MAX_ITEMS = 4096
"""Most items of a list."""


def encode(message: object) -> bytes:
    """Return a message as bytes.

    Raises:
        ProtocolError: it holds something other than None, bool, int, float, str, bytes, lists, maps and numeric arrays.
    """
    try:
        packed = msgpack.packb(message, default=_pack)
    except (TypeError, ValueError, OverflowError) as error:
        raise ProtocolError(f"cannot be sent: {error}") from error
    assert packed is not None
    return packed


def decode(data: bytes) -> Any:
    """Return the message in ``data``; arrays in it are read-only views of it.

    Raises:
        ProtocolError: it is not msgpack, or an array in it is not what it says it is.
    """
    try:
        return msgpack.unpackb(
            data, object_hook=_unpack, max_map_len=MAX_ENTRIES, max_array_len=MAX_ITEMS, max_ext_len=0
        )
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as error:
        raise ProtocolError(f"not a msgpack message: {str(error) or type(error).__name__}") from error


def _pack(value: object) -> object:
    if isinstance(value, np.ndarray | np.generic):
        _dtype(value.dtype.str)
    if isinstance(value, np.ndarray):
        return {ARRAY: True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}
    if isinstance(value, np.generic):
        return {SCALAR: True, b"data": value.item(), b"dtype": value.dtype.str}
    raise TypeError(f"{type(value).__name__} is neither a number, text, list, map nor array")


def _unpack(value: dict[Any, Any]) -> Any:
    if ARRAY in value:
        return _array(value.get(b"data"), _dtype(value.get(b"dtype")), value.get(b"shape"))
    if SCALAR in value:
        dtype, number = _dtype(value.get(b"dtype")), value.get(b"data")
        if not isinstance(number, bool | int | float):
            raise ProtocolError(f"a scalar of type {type(number).__name__}; valid: bool, int, float")
        return dtype.type(number)
    return value


def _dtype(name: object) -> np.dtype[Any]:
    if not isinstance(name, str) or not DTYPE.fullmatch(name):
        shown = repr(name)[:40]
        raise ProtocolError(f"array of dtype {shown}; valid: bool, int8 to int64, uint8 to uint64, float16 to float64")
    return np.dtype(name)


def _array(data: object, dtype: np.dtype[Any], shape: object) -> np.ndarray:
    if not isinstance(data, bytes):
        raise ProtocolError(f"array data of type {type(data).__name__}; valid: bytes")
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise ProtocolError(f"array shape {repr(shape)[:80]}; valid: a list of at most {MAX_DIMENSIONS} sizes")
    if not all(type(size) is int and size >= 0 for size in shape):
        raise ProtocolError(f"array shape {repr(shape)[:80]}; sizes are whole numbers from 0")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise ProtocolError(f"array of shape {shape} and dtype {dtype} with {len(data)} bytes of data")
    return np.ndarray(shape, dtype, buffer=data)
