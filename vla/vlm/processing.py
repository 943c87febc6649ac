"""Turns prompts and frames into the model's inputs, and tokens back into text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from transformers import AutoProcessor, BatchFeature, PreTrainedTokenizerBase, ProcessorMixin
from transformers.processing_utils import ProcessingKwargs

from vla.errors import ConfigError
from vla.types import Box
from vla.vlm.chat import IMAGE
from vla.vlm.configuration import VlmConfig
from vla.vlm.grounding import Grounding
from vla.vlm.regions import crop_region

CROP = "<crop>"
"""Comes before the place and the tokens of a crop."""

Frame = Image.Image | NDArray[np.uint8]
"""A picture, or RGB bytes (H, W, 3)."""


class VlmProcessorKwargs(ProcessingKwargs, total=False):
    """Defaults of the processor's options."""

    # transformers reads the defaults here, though a TypedDict should have none
    _defaults = {  # noqa: RUF012  # pyright: ignore[reportGeneralTypeIssues]
        "text_kwargs": {"padding": True},
        "common_kwargs": {"return_tensors": "pt"},
    }


class VlmProcessor(ProcessorMixin):
    """Tokenizer, image processor, and what lies between them: placeholders, crops and locations.

    Args:
        image_processor: resizes and normalises.
        tokenizer: knows `IMAGE`, `CROP` and the location tokens; see ``add_tokens``.
        chat_template: Jinja template for messages with images.
        tokens_per_image: placeholders that an image needs, M.
        grounding: how boxes and points are written: ``tokens`` or ``text``.
        location_bins: values of a coordinate.

    Raises:
        UnknownNameError: ``grounding`` is not a style of grounding.
        ConfigError: the tokenizer lacks tokens.
    """

    image_processor: Any
    tokenizer: PreTrainedTokenizerBase
    chat_template: str | None
    valid_processor_kwargs = VlmProcessorKwargs

    def __init__(
        self,
        image_processor: Any = None,
        tokenizer: Any = None,
        chat_template: str | None = None,
        tokens_per_image: int = 16,
        grounding: str = "tokens",
        location_bins: int = 128,
    ) -> None:
        self.tokens_per_image = tokens_per_image
        self.grounding = grounding
        self.location_bins = location_bins
        self.locations = Grounding(grounding, location_bins)
        known = tokenizer.get_vocab()
        if missing := [token for token in (IMAGE, CROP, *self.locations.tokens) if token not in known]:
            raise ConfigError(f"the tokenizer lacks {len(missing)} tokens of the model, the first of them {missing[0]}")
        tokenizer.padding_side = "left"  # what is generated follows the prompt's last token
        self.image_token = IMAGE
        self.image_token_id = known[IMAGE]
        super().__init__(image_processor, tokenizer, chat_template=chat_template)

    @property
    def image_size(self) -> int:
        """Side of the images that the vision encoder takes [px]."""
        return self.image_processor.size["height"]

    def __call__(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        images: Frame | Sequence[Frame] | Sequence[Sequence[Frame]] | None = None,
        text: str | Sequence[str] | None = None,
        regions: Sequence[Box | None] | Sequence[Sequence[Box | None]] | None = None,
        **options: Any,
    ) -> BatchFeature:
        """Return the inputs of the model for one prompt or a batch.

        Args:
            images: what the `IMAGE` placeholders stand for, in their order: for one prompt its images, for several a
                list of lists.
            text: prompts, e.g. from ``apply_chat_template``.
            regions: for each image, nested as they are, a part to show at full resolution as well, or None. Its crop
                follows the image, after the box that it covers.
            options: of the tokenizer and the image processor, e.g. ``padding_side``.

        Returns:
            ``input_ids`` and ``attention_mask`` (B, L), and, unless there are no images, ``pixel_values``
            (I, 3, S, S): images and crops of all prompts in order.

        Raises:
            ConfigError: no prompt, other numbers of images or regions than there are placeholders, or an image that is
                not RGB bytes.
        """
        if text is None:
            raise ConfigError("the processor needs text; for an image alone it is its placeholder, " + IMAGE)
        prompts = [text] if isinstance(text, str) else list(text)
        rows = _rows(images, prompts, "images")
        views = [[as_picture(frame) for frame in row] for row in rows]
        boxes = _rows(regions, prompts, "regions") if regions is not None else [[None] * len(row) for row in rows]
        expanded, shown = [], []
        for index, (prompt, pictures, areas) in enumerate(zip(prompts, views, boxes, strict=True)):
            if len(areas) != len(pictures):
                raise ConfigError(f"prompt {index} has {len(pictures)} images, but {len(areas)} regions")
            wanted = prompt.count(IMAGE)
            if wanted != len(pictures):
                raise ConfigError(f"prompt {index} has {wanted} placeholders {IMAGE}, but {len(pictures)} images")
            head, *parts = prompt.split(IMAGE)
            for part, picture, area in zip(parts, pictures, areas, strict=True):
                placeholders, seen = self._show(picture, area)
                head += placeholders + part
                shown += seen
            expanded.append(head)
        merged = self._merge_kwargs(
            VlmProcessorKwargs,  # pyright: ignore[reportArgumentType]  # it wants the class, whatever it says
            tokenizer_init_kwargs=self.tokenizer.init_kwargs,
            **options,
        )
        inputs: dict[str, Any] = dict(self.tokenizer(expanded, **merged["text_kwargs"]))
        if shown:
            inputs |= self.image_processor(shown, **merged["images_kwargs"])
        return BatchFeature(inputs)

    def _show(self, picture: Image.Image, region: Box | None) -> tuple[str, list[Image.Image]]:
        """Return the placeholders of an image, and of a crop if there is a region, and the pictures for them."""
        placeholders = IMAGE * self.tokens_per_image
        if region is None:
            return placeholders, [picture]
        crop, covered = crop_region(picture, region, self.image_size)
        return placeholders + CROP + self.locations.write_box(covered) + placeholders, [picture, crop]


def as_picture(frame: Frame) -> Image.Image:
    """Return a frame as an RGB picture.

    Raises:
        ConfigError: it is neither a picture nor RGB bytes (H, W, 3).
    """
    if isinstance(frame, Image.Image):
        return frame.convert("RGB")
    if isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[2] == 3:
        return Image.fromarray(frame)
    what = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
    raise ConfigError(f"an image is {what}; valid: a PIL image, or an array of uint8 (H, W, 3)")


def _rows(values: Any, prompts: Sequence[str], kind: str) -> list[list[Any]]:
    """Return images or regions as a list a prompt."""
    if values is None:
        return [[] for _ in prompts]
    items = list(values) if isinstance(values, (list, tuple)) else [values]
    if any(isinstance(item, (list, tuple)) for item in items):
        if len(items) != len(prompts):
            raise ConfigError(f"there are {kind} for {len(items)} prompts, but {len(prompts)} prompts")
        return [list(item) for item in items]
    if len(prompts) != 1:
        raise ConfigError(f"{kind} of {len(prompts)} prompts must be a list of lists, one a prompt")
    return [items]


AutoProcessor.register(VlmConfig, VlmProcessor)
