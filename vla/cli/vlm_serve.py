"""`vla vlm serve`: lets programs elsewhere ask our vision-language model, as they would ask OpenAI's."""

from __future__ import annotations

import io
import signal
import threading
from pathlib import Path

import torch
from omegaconf import DictConfig
from PIL import Image, UnidentifiedImageError

from vla.cli.options import check_range
from vla.errors import ConfigError
from vla.planner.backends import choose_device, find_model, is_own
from vla.serve.access import check_exposure, is_loopback, read_token
from vla.serve.chat import ChatReply, ChatRequest, ChatServer, Token
from vla.vlm.constraint import json_grammar
from vla.vlm.decoding import Decoder, plain

LARGEST = 4096
"""Longest side of a picture [px]."""


def run(config: DictConfig) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    check_range("port", config.port, 0, 65535)
    check_range("max_megabytes", config.max_megabytes, 0.001)
    check_range("max_tokens", config.max_tokens, 1)
    token = read_token(config.token_file)
    check_exposure(str(config.host), token)
    folder = find_model(config.model)
    if not is_own(folder):
        raise ConfigError(f"model={folder} is no folder with a model of vla.vlm; others have servers of their own")
    print(f"loading {folder}", flush=True)
    from vla.vlm.bundle import load_vlm

    if config.threads is not None:
        check_range("threads", config.threads, 1)
        torch.set_num_threads(config.threads)
    answer = Answerer(Decoder(*load_vlm(folder, device=choose_device(str(config.device)))))
    name = str(config.name or Path(folder).name)
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    with ChatServer(
        answer,
        name,
        host=str(config.host),
        port=config.port,
        token=token,
        max_body=int(config.max_megabytes * 1e6),
        max_tokens=config.max_tokens,
    ) as server:
        here = "localhost" if is_loopback(str(config.host)) else "<this machine>"
        print(f"serving {name} at http://{config.host}:{server.port}/v1 ({'token needed' if token else 'no token'})")
        if token and not is_loopback(str(config.host)):
            print("without TLS: token and pictures travel in the clear; put a proxy with TLS in front")
        print(
            f"ask it:\n  vla run planner=openai planner.base_url=http://{here}:{server.port}/v1 planner.model={name} "
            '"<instruction>"',
            flush=True,
        )
        end.wait()
    print(f"ended after {server.answered} answers")
    return 0


class Answerer:
    """Answers chat requests with our model.

    Args:
        decoder: the model.
    """

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def __call__(self, request: ChatRequest) -> ChatReply:
        """Return the likeliest answer.

        Raises:
            ConfigError: a picture or the schema cannot be used, or the prompt is too long.
        """
        decoder = self._decoder
        grammar = json_grammar(request.schema) if request.schema is not None else None
        if grammar is not None:
            decoder.guide.check(grammar)
        messages = [
            {
                "role": message["role"],
                "content": [
                    part if part["type"] == "image" else {"type": "text", "text": plain(part["text"])}
                    for part in message["content"]
                ],
            }
            for message in request.messages
        ]
        prefix = decoder.begin(messages, [open_picture(picture) for picture in request.pictures])
        written = prefix.write("", grammar, request.max_tokens)
        chosen = [*written.tokens, *([decoder.guide.end] if written.complete else [])]
        tokens = [
            self._token(token, scores, request.top or 0)
            for token, scores in zip(chosen, written.alternatives, strict=True)
            if token != decoder.guide.end
        ]
        return ChatReply(written.text, tokens, written.complete, prefix.length(""))

    def _token(self, token: int, scores: torch.Tensor, top: int) -> Token:
        best = scores.topk(top) if top else None
        pairs = [] if best is None else zip(best.indices.tolist(), best.values.tolist(), strict=True)
        possible = [(self._text(index), value) for index, value in pairs if value > -1e4]
        return Token(self._text(token), float(scores[token]), possible)

    def _text(self, token: int) -> str:
        return str(self._decoder.processor.tokenizer.decode([token]))


def open_picture(data: bytes) -> Image.Image:
    """Return an encoded picture.

    Raises:
        ConfigError: it cannot be read, or is too large.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as picture:
            if max(picture.size) > LARGEST:
                raise ConfigError(f"a picture has {picture.width} × {picture.height} px, more than {LARGEST} a side")
            return picture.convert("RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError) as error:
        raise ConfigError("a picture cannot be read; valid: PNG, JPEG, WebP") from error
