"""Builds what a stage trains, and what makes its batches."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from vla.data.sentences import TextEncoder, shared_text_encoder
from vla.errors import ConfigError
from vla.vlm.building import build_vlm
from vla.vlm.bundle import find_model, load_vlm
from vla.vlm.depth import choose_layers, keep_layers
from vla.vlm.lora import ALL, add_lora, lora_spec, merge_lora
from vla.vlm.modeling import VisionLanguageModel
from vla.vlm.processing import VlmProcessor
from vla.vlm.training.attention import use_plain_products
from vla.vlm.training.contrastive import ContrastiveLearner
from vla.vlm.training.distill import DistillLearner
from vla.vlm.training.instruct import AnswerLearner
from vla.vlm.training.items import AnswerItems, Items, PairItems, SceneItems
from vla.vlm.training.learner import HEADS, Learner
from vla.vlm.training.naming import NamingLearner, can_name
from vla.vlm.training.options import VlmTrainOptions
from vla.vlm.training.preference import PreferenceLearner
from vla.vlm.training.regions import RegionItems

RANK = 16
"""Of a new adapter, where ``lora_rank=null``."""
HIDDEN_PART = 0.25
"""Part of the patches that ``masked=patches`` hides."""


@dataclass(frozen=True)
class Setup:
    """What a run trains, and on what."""

    learner: Learner
    items: Items[Any]
    light: bool
    """Whether the result is to be saved without the language model's own weights."""


def make_setup(options: VlmTrainOptions) -> Setup:
    """Load or build the model, and prepare it for the stage.

    Raises:
        ConfigError: options do not fit the model.
        CheckpointError: ``init`` is no model.
    """
    model, processor = _start(options)
    model.config.cameras = list(options.cameras or model.config.cameras)
    if options.stage == "contrastive":
        return _contrastive(options, model, processor)
    model.requires_grad_(False)
    teacher = _teach(options, model) if options.stage == "distill" else None
    if options.stage in ("instruct", "distill") and options.lora_rank == 0:
        merge_lora(model.language_model)
        model.config.text_trained = True
        model.unfreeze("language")
    elif options.stage != "align":
        _adapt(options, model)
    if options.stage != "preference":
        model.unfreeze("connector")
        if options.train_vision:
            model.unfreeze("vision")
            _freeze_parts(model.vision_encoder, options)
    if options.precision == "bf16":
        for each in (model, teacher):
            if each is not None and not each.config.text_trained:
                _shrink(each)
            if each is not None and options.on_cpu:
                use_plain_products(each.language_model)
    light = _is_light(options, model)
    if options.stage == "preference":
        learner = PreferenceLearner(model, processor, options.beta, options.chosen_weight)
        return Setup(learner, PairItems(processor, options.max_tokens, options.kinds), light)
    if teacher is not None:
        learner = DistillLearner(model, processor, teacher, options.temperature, options.teacher_weight)
        return Setup(learner, AnswerItems(processor, options.max_tokens, options.kinds), light)
    side, learn = model.connector.side or 1, _what_to_learn(options, model)
    if learn == "words":
        return Setup(NamingLearner(model, processor), SceneItems(processor, side), light)
    naming = options.naming if learn == "both" else 0.0
    items = AnswerItems(processor, options.max_tokens, options.kinds, side if naming else None)
    learner = AnswerLearner(model, processor, naming, options.location_blur, options.location_weight)
    if learner.namer is not None and options.init:
        _go_on_naming(learner.namer, options.init)
    return Setup(learner, items, light)


def _go_on_naming(namer: nn.Module, init: str) -> None:
    """Read what an earlier stage has learned for naming, if it has."""
    heads = find_model(init) / HEADS
    weights = load_file(heads) if heads.is_file() else {}
    if weights and weights.keys() == namer.state_dict().keys():
        namer.load_state_dict(weights)


def _what_to_learn(options: VlmTrainOptions, model: VisionLanguageModel) -> str:
    if options.learn is not None:
        return options.learn
    if not can_name(model):
        return "answers"
    return "words" if options.stage == "align" else "both"


def _start(options: VlmTrainOptions) -> tuple[VisionLanguageModel, VlmProcessor]:
    if options.init:
        return load_vlm(options.init, merge=False)
    torch.manual_seed(options.seed)
    model, processor = build_vlm(**{name: value for name, value in options.parts.items() if value is not None})
    if options.layers is not None:
        _shorten(model, options.layers, options.layer_choice)
    return model, processor


def _contrastive(options: VlmTrainOptions, model: VisionLanguageModel, processor: VlmProcessor) -> Setup:
    encoder: TextEncoder = shared_text_encoder(options.text_encoder)
    learner = ContrastiveLearner(model, processor, encoder([""]).shape[1], options.contrast, options.masked)
    _freeze_parts(model.vision_encoder, options)
    items = RegionItems(
        encoder,
        model.config.vision.grid,
        HIDDEN_PART if options.masked == "patches" else 0.0,
        options.masked == "text",
    )
    return Setup(learner, items, _is_light(options, model))


def _teach(options: VlmTrainOptions, model: VisionLanguageModel) -> VisionLanguageModel:
    """Shorten a model to a student; return the teacher that it was."""
    teacher = copy.deepcopy(model)
    depth = model.config.text.num_hidden_layers
    _shorten(model, options.layers or max(1, depth // 2), options.layer_choice)
    return teacher


def _shorten(model: VisionLanguageModel, count: int, choice: str) -> None:
    """Keep some of the language model's layers, and note in the configuration which of its source they are."""
    config = model.config
    kept = choose_layers(config.text.num_hidden_layers, count, choice)
    before = config.text_layers or range(config.text.num_hidden_layers)
    keep_layers(model.language_model, kept)
    config.text_config = model.language_model.config
    config.text_layers = [before[index] for index in kept]


def _adapt(options: VlmTrainOptions, model: VisionLanguageModel) -> None:
    """Let the language model's adapter be trained; add one if there is none."""
    spec = lora_spec(model.language_model)
    if spec is None:
        add_lora(model.language_model, options.lora_rank or RANK, options.lora_targets)
    elif options.lora_rank not in (None, spec["rank"]):
        raise ConfigError(f"lora_rank={options.lora_rank}, but init={options.init} has rank {spec['rank']}")
    elif options.lora_targets != ALL and sorted(options.lora_targets) != spec["targets"]:
        raise ConfigError(f"lora_targets= of init={options.init} are {', '.join(spec['targets'])}")
    for name, weight in model.language_model.named_parameters():
        weight.requires_grad_("lora_" in name)


def _freeze_parts(encoder: nn.Module, options: VlmTrainOptions) -> None:
    """Keep the first layers of a vision encoder from being trained, and its depthwise filters if they are not to be."""
    layers = [module for module in encoder.modules() if any(True for _ in module.parameters(recurse=False))]
    frozen = layers[: round(options.vision_frozen * len(layers))]
    if not options.vision_depthwise:
        frozen += [layer for layer in layers if isinstance(layer, nn.Conv2d) and layer.groups == layer.in_channels > 1]
    for layer in frozen:
        for weight in layer.parameters(recurse=False):
            weight.requires_grad_(False)


def _shrink(model: VisionLanguageModel) -> None:
    """Keep the language model's frozen linear layers in half precision, so that they need not be cast all the time."""
    head = model.language_model.get_output_embeddings()
    for name, module in model.language_model.named_modules():
        if isinstance(module, nn.Linear) and module is not head and "lora_" not in name:
            module.to(torch.bfloat16)


def _is_light(options: VlmTrainOptions, model: VisionLanguageModel) -> bool:
    return options.form == "light" and bool(model.config.text_source) and not model.config.text_trained
