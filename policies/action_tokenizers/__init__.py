"""Action tokenizers: one interface, one file a variant."""

from __future__ import annotations

from typing import Any

from policies.action_tokenizers.base import ActionTokenizer, BinnedTokenizer
from policies.action_tokenizers.dct import DctTokenizer
from policies.action_tokenizers.fast import FastTokenizer
from policies.action_tokenizers.quantile import QuantileTokenizer
from policies.action_tokenizers.uniform import UniformTokenizer
from vla.errors import UnknownNameError

TOKENIZERS: dict[str, type[ActionTokenizer]] = {
    "uniform": UniformTokenizer,
    "quantile": QuantileTokenizer,
    "dct": DctTokenizer,
    "fast": FastTokenizer,
}

__all__ = [
    "TOKENIZERS",
    "ActionTokenizer",
    "BinnedTokenizer",
    "DctTokenizer",
    "FastTokenizer",
    "QuantileTokenizer",
    "UniformTokenizer",
    "make_tokenizer",
]


def make_tokenizer(name: str, chunk_size: int, action_dim: int, **options: Any) -> ActionTokenizer:
    """Build a tokenizer that is yet to be fitted.

    Raises:
        UnknownNameError: there is no tokenizer of that name.
    """
    if name not in TOKENIZERS:
        raise UnknownNameError("action tokenizer", name, TOKENIZERS)
    return TOKENIZERS[name](chunk_size, action_dim, **options)
