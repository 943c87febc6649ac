"""Round trips, the published byte layout, and whatever else may come over a wire."""

from __future__ import annotations

import pickle
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tests.vla.serve.by_hand import pack
from vla.errors import ProtocolError
from vla.serve.wire import decode, encode

NUMERIC = st.one_of(
    npst.boolean_dtypes(),
    npst.integer_dtypes(endianness="?"),
    npst.unsigned_integer_dtypes(endianness="?"),
    npst.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
)
ARRAYS = npst.arrays(NUMERIC, npst.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4))
SOME = settings(max_examples=60, deadline=None)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.text(max_size=9), st.binary(max_size=9)
)
MESSAGES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
)


@SOME
@given(ARRAYS)
def test_arrays_survive(array: np.ndarray) -> None:
    back = decode(encode({"x": array}))["x"]
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@SOME
@given(NUMERIC, st.integers(0, 1))
def test_scalars_survive(dtype: np.dtype, value: int) -> None:
    scalar = dtype.type(value)
    back = decode(encode(scalar))
    assert np.asarray(back).dtype == scalar.dtype  # float64 is a float, and sent as one
    assert back == scalar


def test_the_layout_is_the_published_one() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert msgpack.unpackb(encode(array)) == {
        b"__ndarray__": True,
        b"data": array.tobytes(),
        b"dtype": "<f4",
        b"shape": [2, 3],
    }
    message = {"a": array, "b": np.uint8(7), "text": "ünïcode", "list": [1, 2.5, None, True, b"bytes"]}
    read = decode(pack(message))
    np.testing.assert_array_equal(read.pop("a"), message.pop("a"))
    assert read == message


def test_a_transposed_array_is_sent_as_it_looks() -> None:
    array = np.arange(6, dtype=np.int32).reshape(2, 3).T
    np.testing.assert_array_equal(decode(encode(array)), array)


def array_with(**fields: Any) -> bytes:
    message = {"__ndarray__": True, "data": bytes(8), "dtype": "<f4", "shape": [2], **fields}
    return pack({key.encode(): value for key, value in message.items()})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dtype": "|O"}, r"dtype '\|O'; valid: bool"),
        ({"dtype": "O"}, "dtype 'O'"),
        ({"dtype": "<c8"}, "dtype '<c8'"),
        ({"dtype": "|V8"}, "dtype"),
        ({"dtype": "<U2"}, "dtype"),
        ({"dtype": "f4,O"}, "dtype"),
        ({"dtype": "<M8[s]"}, "dtype"),
        ({"dtype": "<f4\n"}, "dtype"),
        ({"dtype": ["f4"]}, "dtype"),
        ({"dtype": None}, "dtype None"),
        ({"data": bytes(7)}, r"shape \[2\] and dtype float32 with 7 bytes"),
        ({"data": "text"}, "array data of type str"),
        ({"data": None}, "array data of type NoneType"),
        ({"shape": [2**31, 2**31]}, "with 8 bytes"),
        ({"shape": [2**62, 4]}, "with 8 bytes"),  # 2**66 bytes, which is 0 in 64 bits
        ({"shape": [-2, -1]}, "whole numbers from 0"),
        ({"shape": [True, 2]}, "whole numbers from 0"),
        ({"shape": [2.0]}, "whole numbers from 0"),
        ({"shape": [1] * 6}, "at most 5 sizes"),
        ({"shape": 2}, "at most 5 sizes"),
        ({"shape": None}, "at most 5 sizes"),
    ],
)
def test_arrays_that_are_not_what_they_say_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        decode(array_with(**fields))


@pytest.mark.parametrize(
    "scalar", [{b"data": "text", b"dtype": "<f4"}, {b"data": 300, b"dtype": "|u1"}, {b"data": 1, b"dtype": "|O"}]
)
def test_scalars_that_are_not_what_they_say_are_refused(scalar: dict[bytes, Any]) -> None:
    with pytest.raises(ProtocolError):
        decode(pack({b"__npgeneric__": True, **scalar}))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(pickle.dumps({"x": 1}), id="a pickle"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xdd\xff\xff\xff\xff", id="a list of four thousand million"),
        pytest.param(b"\xdf\xff\xff\xff\xff", id="a map of four thousand million"),
        pytest.param(b"\xc6\xff\xff\xff\xff", id="four thousand million bytes"),
        pytest.param(b"\x91" * 100_000, id="deep lists"),
        pytest.param(msgpack.packb(msgpack.ExtType(1, b"x")), id="an extension type"),
        pytest.param(b"\xd6\xff\x00\x00\x00\x00", id="a time stamp"),
        pytest.param(b"\x81\xc0\xc0", id="a key that is no text"),
        pytest.param(b"\x01\x01", id="two messages"),
        pytest.param(b"\xa1\xff", id="text that is no UTF-8"),
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(data)


@SOME
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    try:
        decode(data)
    except ProtocolError as error:
        assert str(error)


@SOME
@given(MESSAGES, st.data())
def test_a_cut_message_is_refused(message: Any, data: st.DataObject) -> None:
    whole = encode(message)
    with pytest.raises(ProtocolError):
        decode(whole[: data.draw(st.integers(0, len(whole) - 1))])


@SOME
@given(ARRAYS, st.data())
def test_a_flipped_byte_gives_a_message_or_is_refused(array: np.ndarray, data: st.DataObject) -> None:
    damaged = bytearray(encode({"x": array}))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        read = decode(bytes(damaged))
    except ProtocolError:
        return
    for value in read.values() if isinstance(read, dict) else ():
        assert not isinstance(value, np.ndarray) or value.dtype.kind in "biuf"


@pytest.mark.parametrize("value", [object(), np.array([object()]), np.array(["text"]), 1j, 2**65, {"x": {1, 2}}])
def test_only_numbers_text_and_containers_are_sent(value: Any) -> None:
    with pytest.raises(ProtocolError):
        encode(value)
