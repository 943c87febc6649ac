"""The vision-language model: images become tokens among those of the text, and a language model goes on from there.

The architecture is LLaVA's (Liu et al. 2023, section 4.1): vision encoder, connector, language model, joined by putting
the connector's tokens in the places of the prompt's image placeholders.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from vla.errors import ConfigError, UnknownNameError
from vla.vlm.configuration import VlmConfig
from vla.vlm.connectors import make_connector
from vla.vlm.vision import VisionEncoder, make_vision_encoder

COMPONENTS = {"vision": "vision_encoder", "connector": "connector", "language": "language_model"}
"""Name of a component -> attribute of the model."""
IGNORED = -100
"""Label of tokens that the loss leaves out."""


@dataclass
class VlmOutput(CausalLMOutputWithPast):
    """Output of the language model, and the tokens that the images became."""

    image_features: Tensor | None = None
    """(I, M, hidden), I images."""


@dataclass(frozen=True)
class ParameterCount:
    """Parameters of a component."""

    total: int
    trainable: int


class VisionLanguageModel(PreTrainedModel, GenerationMixin):
    """Vision encoder, connector and language model.

    Args:
        config: what to build.
        vision_encoder: the encoder, if it exists already.
        language_model: a causal language model, if it exists already.
    """

    config: VlmConfig
    config_class = VlmConfig
    main_input_name = "input_ids"
    input_modalities = ("image", "text")  # pyright: ignore[reportAssignmentType]  # as transformers' own models
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_attention_backend = True
    _skip_keys_device_placement = ["past_key_values"]  # noqa: RUF012

    def __init__(
        self,
        config: VlmConfig,
        vision_encoder: VisionEncoder | None = None,
        language_model: PreTrainedModel | None = None,
    ) -> None:
        super().__init__(config)
        self.vision_encoder = vision_encoder or make_vision_encoder(config.vision)
        self.connector = make_connector(config.connector, config.connector_spec())
        self.language_model = language_model or AutoModelForCausalLM.from_config(config.text)
        self._takes_positions = "position_ids" in inspect.signature(self.language_model.forward).parameters
        for given in (vision_encoder, language_model):
            for module in given.modules() if given is not None else ():
                module._is_hf_initialized = True  # type: ignore[assignment]
        self.post_init()

    if TYPE_CHECKING:  # the one of GenerationMixin asks for attributes that models need not have

        def generate(self, *args: Any, **options: Any) -> torch.LongTensor:
            """Return the prompts' tokens and those that follow (B, L); see `GenerationMixin.generate`."""
            ...

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **options: Any) -> Any:
        """Load a model, whole as transformers saves it, or light as a training stage does; see `vla.vlm.bundle`."""
        from vla.vlm import bundle

        folder = Path(str(pretrained_model_name_or_path))
        if not (folder / bundle.WEIGHTS).is_file():
            return super().from_pretrained(pretrained_model_name_or_path, *args, **options)
        model = bundle.load_light(folder, merge=True)
        dtype = options.get("dtype")
        if isinstance(dtype, torch.dtype):
            model.to(dtype)  # pyright: ignore[reportArgumentType]  # transformers' wrapper of `to` loses ``self``
        return model

    def _init_weights(self, module: nn.Module) -> None:
        """Leave modules as their constructors made them; the language model has rules of its own."""

    def get_input_embeddings(self) -> nn.Module:
        """Return the language model's token embeddings."""
        return self.language_model.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the language model's token embeddings."""
        self.language_model.set_input_embeddings(value)

    def get_output_embeddings(self) -> nn.Module | None:
        """Return the language model's output layer."""
        return self.language_model.get_output_embeddings()

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Replace the language model's output layer."""
        self.language_model.set_output_embeddings(new_embeddings)

    def component(self, name: str) -> nn.Module:
        """Return one of the `COMPONENTS`.

        Raises:
            UnknownNameError: there is no such component.
        """
        if name not in COMPONENTS:
            raise UnknownNameError("component", name, COMPONENTS)
        return getattr(self, COMPONENTS[name])

    def freeze(self, *names: str) -> None:
        """Keep components (``vision``, ``connector``, ``language``) from being trained."""
        for name in names:
            self.component(name).requires_grad_(False)

    def unfreeze(self, *names: str) -> None:
        """Let components be trained."""
        for name in names:
            self.component(name).requires_grad_(True)

    def count_parameters(self) -> dict[str, ParameterCount]:
        """Return each component's number of parameters; tied ones count once."""
        counts = {}
        for name in COMPONENTS:
            parameters = list(self.component(name).parameters())
            trainable = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
            counts[name] = ParameterCount(sum(parameter.numel() for parameter in parameters), trainable)
        return counts

    def get_patch_features(self, pixel_values: Tensor) -> Tensor:
        """Return what the connector takes (I, N, D) of normalised images (I, 3, H, W)."""
        dtype = next(self.connector.parameters()).dtype
        return self.vision_encoder(pixel_values.to(self.vision_dtype)).to(dtype)

    def get_image_features(self, pixel_values: Tensor) -> Tensor:
        """Return the tokens (I, M, hidden) of normalised images (I, 3, H, W)."""
        return self.connector(self.get_patch_features(pixel_values))

    @property
    def vision_dtype(self) -> torch.dtype:
        """Type of the vision encoder's weights."""
        return next(self.vision_encoder.parameters()).dtype

    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        **options: Any,
    ) -> VlmOutput:
        """Return logits, and the loss where there are labels.

        Args:
            input_ids: tokens (B, L), each image as M placeholders.
            pixel_values: normalised images of the whole batch, in the order of their placeholders (I, 3, H, W).
            attention_mask: 1 for tokens, 0 for padding (B, L); padding may be on either side.
            position_ids: (B, L); counted from the first token that is not padding by default.
            past_key_values: keys and values of earlier tokens.
            inputs_embeds: embedded tokens (B, L, hidden) instead of ``input_ids`` and ``pixel_values``.
            labels: tokens to predict (B, L); `IGNORED` where none is. Image placeholders never count.
            options: passed to the language model, e.g. ``use_cache`` and ``logits_to_keep``.

        Raises:
            ConfigError: not exactly one of tokens and embedded tokens, images without tokens, or other images than
                there are placeholders for.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ConfigError("forward needs either input_ids or inputs_embeds, and not both")
        features = None
        if input_ids is not None:
            features = None if pixel_values is None else self.get_image_features(pixel_values)
            inputs_embeds = self._embed(input_ids, features)
            if labels is not None:
                labels = labels.masked_fill(input_ids == self.config.image_token_id, IGNORED)
        elif pixel_values is not None:
            raise ConfigError("pixel_values need input_ids, which say where the images are")
        if position_ids is None and self._takes_positions and attention_mask is not None and past_key_values is None:
            position_ids = (attention_mask.long().cumsum(-1) - 1).clamp(min=0)
        if position_ids is not None:
            options["position_ids"] = position_ids
        output = self.language_model(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            past_key_values=past_key_values,
            labels=labels,
            **options,
        )
        return VlmOutput(
            loss=output.loss,
            logits=output.logits,
            past_key_values=output.get("past_key_values"),
            hidden_states=output.hidden_states,
            attentions=output.attentions,
            image_features=features,
        )

    def prepare_inputs_for_generation(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        input_ids: Tensor,
        pixel_values: Tensor | None = None,
        is_first_iteration: bool | None = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Return the inputs of the next step of ``generate``; later ones find the images in the cache."""
        inputs = super().prepare_inputs_for_generation(  # pyright: ignore[reportAttributeAccessIssue]
            input_ids, is_first_iteration=is_first_iteration, **kwargs
        )
        inputs["pixel_values"] = pixel_values if is_first_iteration or not kwargs.get("use_cache", True) else None
        return inputs

    def _expand_inputs_for_generation(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        expand_size: int = 1,
        is_encoder_decoder: bool = False,
        input_ids: Tensor | None = None,
        **options: Any,
    ) -> tuple[Tensor | None, dict[str, Any]]:
        """Repeat each prompt for its beams or samples, and all its images with it."""
        pixel_values = options.pop("pixel_values", None)
        if pixel_values is not None and input_ids is not None:
            images = (input_ids == self.config.image_token_id).sum(dim=1) // self.connector.num_tokens
            prompts = pixel_values.split(images.tolist())
            pixel_values = torch.cat([group for group in prompts for _ in range(expand_size)])
        input_ids, options = super()._expand_inputs_for_generation(
            expand_size,
            is_encoder_decoder=is_encoder_decoder,
            input_ids=cast("torch.LongTensor | None", input_ids),
            **options,
        )
        return input_ids, options | {"pixel_values": pixel_values}

    def _embed(self, input_ids: Tensor, features: Tensor | None) -> Tensor:
        """Return embedded tokens (B, L, hidden), image features (I, M, hidden) in the places of their placeholders."""
        embedded = self.get_input_embeddings()(input_ids)
        places = input_ids == self.config.image_token_id
        found, given = int(places.sum()), 0 if features is None else features.shape[0] * features.shape[1]
        if found != given:
            raise ConfigError(
                f"the prompts have {found} image placeholders, but the images became {given} tokens "
                f"({self.connector.num_tokens} each)"
            )
        if features is None:
            return embedded
        return embedded.masked_scatter(places[..., None], features.to(embedded))


AutoModelForImageTextToText.register(VlmConfig, VisionLanguageModel)
