"""The three-component vision-language model; importing this package registers it with transformers' Auto classes."""

from vla.vlm.building import build_vlm
from vla.vlm.configuration import VisionConfig, VlmConfig
from vla.vlm.grounding import Grounding
from vla.vlm.modeling import VisionLanguageModel
from vla.vlm.processing import VlmProcessor

__all__ = ["Grounding", "VisionConfig", "VisionLanguageModel", "VlmConfig", "VlmProcessor", "build_vlm"]
