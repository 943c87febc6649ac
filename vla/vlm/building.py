"""Puts a vision-language model together from pretrained parts."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, cast

import torch
from transformers import (
    AutoModelForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    SiglipImageProcessor,
)

from vla.errors import ConfigError
from vla.vlm.chat import IMAGE, with_images
from vla.vlm.configuration import VisionConfig, VlmConfig
from vla.vlm.grounding import Grounding
from vla.vlm.language import SMOLLM2, load_language_model
from vla.vlm.modeling import VisionLanguageModel
from vla.vlm.processing import CROP, VlmProcessor
from vla.vlm.vision import VisionEncoder, load_vision_encoder, make_vision_encoder
from vla.vlm.vision.imagenet import EFFICIENTNET_LITE0
from vla.vlm.vocabulary import add_tokens, embedding_weights, extend_embeddings, location_ids


def build_vlm(
    vision_encoder: str | VisionConfig = EFFICIENTNET_LITE0,
    connector: str = "mlp",
    language_model: str | PreTrainedConfig = SMOLLM2,
    *,
    image_size: int | None = None,
    tokenizer: PreTrainedTokenizerBase | None = None,
    grounding: str = "tokens",
    location_bins: int = 128,
    dtype: torch.dtype = torch.float32,
    **connector_options: int,
) -> tuple[VisionLanguageModel, VlmProcessor]:
    """Return a model whose vision encoder and language model are pretrained and whose connector is random.

    Args:
        vision_encoder: see ``load_vision_encoder``; a configuration gives random weights.
        connector: one of `CONNECTORS`.
        language_model: see ``load_language_model``; a configuration gives random weights.
        image_size: side of the images [px]; None for the encoder's default. Not together with a configuration.
        tokenizer: for a language model that is given by its configuration, and only then.
        grounding: how boxes and points are written: ``tokens`` or ``text``.
        location_bins: values of a coordinate.
        dtype: type of all weights.
        connector_options: ``connector_merge`` and others of `VlmConfig`.

    Raises:
        ConfigError: a part cannot be loaded, or parts do not fit.
        UnknownNameError: ``connector`` or ``grounding`` has no such name.
    """
    locations = Grounding(grounding, location_bins)
    vision, encoder = _vision(vision_encoder, image_size)
    model, words = _language(language_model, tokenizer, dtype)
    add_tokens(words, locations)
    extend_embeddings(model, words, locations)
    config = VlmConfig(
        vision_config=vision,
        text_config=model.config,
        text_source=language_model if isinstance(language_model, str) else "",
        image_token_id=cast(int, words.convert_tokens_to_ids(IMAGE)),
        connector=connector,
        connector_bins=len(locations.tokens),
        **_checked(connector_options),
    )
    whole = VisionLanguageModel(config, encoder, model)
    whole.connector.start_among(embedding_weights(model)["input"], location_ids(words, locations))
    whole.to(dtype).eval()  # pyright: ignore[reportArgumentType]  # transformers' wrapper of `to` loses ``self``
    assert whole.generation_config is not None
    whole.generation_config = deepcopy(model.generation_config)
    whole.generation_config.pad_token_id = words.pad_token_id
    whole.generation_config.eos_token_id = words.eos_token_id
    whole.generation_config.suppress_tokens = words.convert_tokens_to_ids([IMAGE, CROP])
    assert not isinstance(words.chat_template, dict)
    processor = VlmProcessor(
        image_processor=SiglipImageProcessor(
            size={"height": vision.image_size, "width": vision.image_size},
            image_mean=list(vision.image_mean),
            image_std=list(vision.image_std),
        ),
        tokenizer=words,
        chat_template=with_images(words.chat_template),
        tokens_per_image=whole.connector.num_tokens,
        grounding=grounding,
        location_bins=location_bins,
    )
    return whole, processor


def _vision(source: str | VisionConfig, image_size: int | None) -> tuple[VisionConfig, VisionEncoder]:
    if isinstance(source, str):
        return load_vision_encoder(source, image_size)
    if image_size not in (None, source.image_size):
        raise ConfigError(f"image_size={image_size}, but the vision configuration says {source.image_size}")
    return source, make_vision_encoder(source)


def _language(
    source: str | PreTrainedConfig, tokenizer: PreTrainedTokenizerBase | None, dtype: torch.dtype
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    if isinstance(source, str):
        if tokenizer is not None:
            raise ConfigError(f"language_model={source!r} has a tokenizer of its own")
        model, tokenizer = load_language_model(source, dtype)
    elif tokenizer is None:
        raise ConfigError("a language model that is given by its configuration needs a tokenizer")
    else:
        model = AutoModelForCausalLM.from_config(source)
    return model, tokenizer


def _checked(options: dict[str, int]) -> dict[str, Any]:
    prefix = "connector_"
    valid = sorted(name for name in VlmConfig.__dataclass_fields__ if name.startswith(prefix))
    if unknown := sorted(set(options) - set(valid)):
        raise ConfigError(f"unknown connector option {unknown[0]!r}; valid: {', '.join(valid)}")
    return dict(options)
