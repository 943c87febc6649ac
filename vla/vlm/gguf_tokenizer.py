"""Byte-level BPE tokenizers from GGUF files.

transformers' own conversion takes SmolLM2's for a Code Llama tokenizer, with special tokens of that family and the
wrong end of text; what the file says is all that is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from vla.errors import ConfigError

CONTROL = 3
"""GGUF's type of tokens that are no text."""
SPLITTERS = {"smollm": pre_tokenizers.Digits(individual_digits=True)}
"""GGUF's name of a pre-tokenizer -> what comes before the split into words and bytes."""


def read_gguf_tokenizer(file: Path) -> PreTrainedTokenizerFast:
    """Return the tokenizer of a GGUF file, its chat template included.

    Raises:
        ConfigError: the file does not exist, or its tokenizer is of another kind.
    """
    from gguf import GGUFReader

    if not file.is_file():
        raise ConfigError(f"there is no file {file}")
    fields = GGUFReader(file).fields

    def value(key: str, default: Any = None) -> Any:
        field = fields.get(f"tokenizer.{key}")
        return default if field is None else field.contents()

    kind, splitter = value("ggml.model"), value("ggml.pre")
    if kind != "gpt2" or splitter not in SPLITTERS:
        raise ConfigError(
            f"{file} has a tokenizer of kind {kind!r}, pre-tokenizer {splitter!r}; valid: 'gpt2' with "
            f"{', '.join(map(repr, SPLITTERS))}. Use a folder with a tokenizer.json instead"
        )
    words: list[str] = value("ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in value("ggml.merges")]
    tokenizer = Tokenizer(models.BPE(vocab={word: index for index, word in enumerate(words)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [SPLITTERS[splitter], pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = [word for word, token_type in zip(words, value("ggml.token_type"), strict=True) if token_type == CONTROL]
    tokenizer.add_special_tokens([AddedToken(word, special=True, normalized=False) for word in control])
    names = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}
    indices = {name: value(f"ggml.{key}_token_id") for name, key in names.items()}
    special: dict[str, Any] = {name: words[index] for name, index in indices.items() if index is not None}
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **special)
    wrapped.chat_template = value("chat_template")
    return wrapped
