"""Frozen sentence encoder, shared by everything in a process that needs it, and never part of a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from vla.data.installed import package_folder
from vla.errors import ConfigError


class TextEncoder:
    """Turns sentences into unit vectors, each distinct sentence once.

    Args:
        name: installed package with a ``model`` folder, folder, or hub id.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.sentences_encoded = 0
        self._rows: dict[str, int] = {}
        self._table: Tensor | None = None

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Return the embeddings (B, d) of ``texts``, float32 on the CPU."""
        if new := sorted({text for text in texts if text not in self._rows}):
            embeddings = self._encode(new)
            self._table = embeddings if self._table is None else torch.cat([self._table, embeddings])
            self._rows.update({text: len(self._rows) + i for i, text in enumerate(new)})
            self.sentences_encoded += len(new)
        assert self._table is not None
        return self._table[[self._rows[text] for text in texts]]

    def _encode(self, texts: Sequence[str]) -> Tensor:
        tokenizer, model = _load(self.name)
        batch = tokenizer(list(texts), padding=True, truncation=True, max_length=64, return_tensors="pt")
        with torch.inference_mode(False), torch.no_grad(), torch.autocast("cpu", enabled=False):
            states = model(**batch).last_hidden_state  # (B, L, d)
            mask = batch["attention_mask"][..., None].float()
            mean = (states * mask).sum(1) / mask.sum(1)
        return functional.normalize(mean, dim=-1)


@lru_cache(maxsize=4)
def shared_text_encoder(name: str) -> TextEncoder:
    """Return the process-wide encoder of that name; its weights are read when it first meets a new sentence."""
    return TextEncoder(name)


@lru_cache(maxsize=2)
def _load(name: str):
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    source = _source(name)
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        return AutoTokenizer.from_pretrained(source), AutoModel.from_pretrained(source).float().eval()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"text_encoder={name!r} is neither an installed package with a model folder, nor a folder, nor a hub id "
            f"that can be reached: {error}"
        ) from error
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def _source(name: str) -> str:
    if Path(name).is_dir():
        return name
    package = package_folder(name)
    return str(package / "model") if package is not None and (package / "model").is_dir() else name
