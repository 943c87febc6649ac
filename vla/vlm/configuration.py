"""Configuration of the vision-language model: complete, so that a checkpoint loads without its components' sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, cast

from transformers import AutoConfig, PreTrainedConfig

from vla.errors import ConfigError, UnknownNameError
from vla.vlm.connectors import CONNECTORS, ConnectorSpec

LIBRARIES = ("timm", "transformers")


@dataclass(repr=False, kw_only=True)  # as PreTrainedConfig makes its subclasses, but seen by type checkers
class VisionConfig(PreTrainedConfig):
    """A vision encoder: which network, the images that it takes, and the features that it gives.

    Raises:
        UnknownNameError: ``library`` is not one of `LIBRARIES`.
    """

    model_type = "vla_vlm_vision"
    base_config_key = "vision_config"

    library: str = "timm"
    source: str = ""
    """Name, folder or package that the weights were read from; for people only."""
    backbone: dict | None = None
    """timm: arguments of ``create_model``. transformers: the network's configuration."""
    image_size: int = 128
    """Side of the square images [px]."""
    image_mean: tuple | list = (0.5, 0.5, 0.5)
    """Mean of the colour channels that the encoder expects, of values in 0-1."""
    image_std: tuple | list = (0.5, 0.5, 0.5)
    feature_dim: int = 0
    """Channels of a patch, D."""
    grid: int = 0
    """Patches along each side; N = grid²."""

    def __post_init__(self, **kwargs: Any) -> None:
        if self.library not in LIBRARIES:
            raise UnknownNameError("library of vision encoders", self.library, LIBRARIES)
        super().__post_init__(**kwargs)


@dataclass(repr=False, kw_only=True)
class VlmConfig(PreTrainedConfig):
    """Vision encoder, connector and language model.

    Raises:
        UnknownNameError: ``connector`` is not one of `CONNECTORS`.
        ConfigError: a component's configuration is missing.
    """

    model_type = "vla_vlm"
    sub_configs: ClassVar[dict[str, Any]] = {"vision_config": VisionConfig, "text_config": AutoConfig}

    vision_config: dict | PreTrainedConfig | None = None
    text_config: dict | PreTrainedConfig | None = None
    text_source: str = ""
    """Name, folder or package that the language model was read from; light checkpoints read it again."""
    text_layers: list | None = None
    """Layers of the source that the language model consists of; None for all."""
    text_trained: bool = False
    """Whether the language model's own weights have changed since they were read."""
    image_token_id: int = 0
    """Placeholder that an image feature takes the place of."""
    cameras: tuple | list = ()
    """Images that it has learned from, in their order, e.g. ``front`` and ``front before``; empty for any."""

    connector: str = "mlp"
    """linear, mlp, qformer, perceiver or objects."""
    connector_merge: int = 2
    """Side of the blocks of patches that become one token (linear, mlp)."""
    connector_tokens: int = 16
    """Learned queries, and so tokens an image (qformer, perceiver)."""
    connector_depth: int = 2
    """Blocks (qformer, perceiver)."""
    connector_heads: int = 8
    """Attention heads (qformer, perceiver)."""
    connector_dim: int = 256
    """Width (qformer, perceiver, objects)."""
    connector_objects: int = 10
    """Most objects that are told of an image (objects)."""
    connector_words: int = 2
    """Words that an object is named by (objects)."""
    connector_states: int = 2
    """Words that tell what an object is in or on (objects)."""
    connector_bins: int = 0
    """Location tokens; none where boxes are written as text."""

    tie_word_embeddings: bool = False
    """Of this model as a whole; whether the language model ties its own is in ``text_config``."""

    def __post_init__(self, **kwargs: Any) -> None:
        if self.connector not in CONNECTORS:
            raise UnknownNameError("connector", self.connector, CONNECTORS)
        if isinstance(self.vision_config, dict):
            self.vision_config = VisionConfig(**self.vision_config)
        if isinstance(self.text_config, dict):
            self.text_config = AutoConfig.for_model(**self.text_config)
        kwargs.setdefault("attn_implementation", {})  # components keep their own; None would unset them
        super().__post_init__(**kwargs)

    @property
    def vision(self) -> VisionConfig:
        """The vision encoder's configuration."""
        if self.vision_config is None:
            raise ConfigError("vision_config is missing")
        return cast(VisionConfig, self.vision_config)

    @property
    def text(self) -> PreTrainedConfig:
        """The language model's configuration."""
        if self.text_config is None:
            raise ConfigError("text_config is missing")
        return cast(PreTrainedConfig, self.text_config)

    def connector_spec(self) -> ConnectorSpec:
        """Return what the connector is built from."""
        return ConnectorSpec(
            feature_dim=self.vision.feature_dim,
            grid=self.vision.grid,
            hidden_dim=self.text.hidden_size,
            merge=self.connector_merge,
            tokens=self.connector_tokens,
            depth=self.connector_depth,
            heads=self.connector_heads,
            dim=self.connector_dim,
            objects=self.connector_objects,
            words=self.connector_words,
            states=self.connector_states,
            bins=self.connector_bins,
        )


AutoConfig.register(VisionConfig.model_type, VisionConfig)
AutoConfig.register(VlmConfig.model_type, VlmConfig)
