"""`vla ask "<question>"`: asks a vision-language model about a scene or a picture, and draws what it points at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from omegaconf import DictConfig
from PIL import Image, ImageDraw, UnidentifiedImageError

from vla.cli.options import check_range, env_options, output_file
from vla.cli.rollouts import open_suite
from vla.errors import ConfigError, GroundingError, PlanError, UnknownNameError
from vla.planner.backends import VlmConfig, load_chat
from vla.planner.chat import Conversation
from vla.planner.mentions import named_things
from vla.types import Box
from vla.vlm.prompts import NO, YES

POLAR = re.compile(r"(is|are|was|were|has|have|had|do|does|did|can|could|will|would|should)\b", re.IGNORECASE)
"""How questions begin whose answer is yes or no."""
WHERE = re.compile(r"where (?:is|are) (?:the |a |an )?(.+?)\s*\??", re.IGNORECASE)
FRONT = "front"
"""Camera that a picture counts as."""
SMALLEST_SHOWN = 480
"""Least side of the drawing [px]."""
COLOURS = ("#ff00ff", "#00e5ff", "#ffd400", "#7cff00", "#ff7a00")


def run(config: DictConfig) -> int:
    """Ask, print the answer, write the drawing."""
    question = str(config.question).strip()
    if not question:
        raise ConfigError("the question is empty")
    output = output_file(config.output)
    pictures = read_image(Path(str(config.image))) if config.image else render(config)
    conversation = load_chat(VlmConfig(model=config.model, device=str(config.device))).look(pictures)
    answer, boxes = ask(conversation, question, [str(phrase) for phrase in config.locate or ()])
    print(answer)
    for phrase, box in boxes.items():
        print(f"  {phrase}: {describe(box)}")
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(f".{output.stem}.png")
    draw(next(iter(pictures.values())), boxes).save(temporary, "PNG")
    temporary.replace(output)
    print(f"wrote {output}")
    return 0


def ask(conversation: Conversation, question: str, phrases: Sequence[str]) -> tuple[str, dict[str, Box | None]]:
    """Return the answer in words, and where things are.

    Args:
        conversation: about the pictures.
        question: yes or no, where, or anything.
        phrases: things to find; none for those that question and answer name.
    """
    if where := WHERE.fullmatch(question):
        phrase = where[1].lower()
        box = locate(conversation, phrase)
        return f"the {phrase}: {describe(box)}", {phrase: box}
    if POLAR.match(question):
        yes, no = conversation.choose(question, (YES, NO))
        answer = f"{YES if yes >= no else NO} ({100 * max(yes, no):.0f} %)"
    else:
        answer = conversation.answer(question)
    wanted = list(phrases) or named_things(f"{question} {answer}")
    return answer, {phrase: locate(conversation, phrase) for phrase in wanted}


def locate(conversation: Conversation, phrase: str) -> Box | None:
    """Return where a thing is; None if it is not there, or the answer makes no sense."""
    try:
        return conversation.locate(phrase)
    except (PlanError, GroundingError):
        return None


def describe(box: Box | None) -> str:
    """Return a box in words."""
    if box is None:
        return "not there"
    x, y = box.center
    return f"around ({x:.2f}, {y:.2f}), from ({box.x0:.2f}, {box.y0:.2f}) to ({box.x1:.2f}, {box.y1:.2f})"


def draw(picture: Image.Image, boxes: Mapping[str, Box | None]) -> Image.Image:
    """Return a picture with boxes and their phrases, enlarged if it is small."""
    scale = max(1, -(-SMALLEST_SHOWN // min(picture.size)))
    shown = picture.convert("RGB").resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(shown)
    width, height = shown.size
    found = [(phrase, box) for phrase, box in boxes.items() if box is not None]
    for index, (phrase, box) in enumerate(found):
        colour = COLOURS[index % len(COLOURS)]
        pen.rectangle((box.x0 * width, box.y0 * height, box.x1 * width, box.y1 * height), outline=colour, width=3)
        pen.text((box.x0 * width + 5, max(0.0, box.y0 * height - 14)), phrase, fill=colour)
    return shown


def read_image(file: Path) -> dict[str, Image.Image]:
    """Return the picture of a file.

    Raises:
        ConfigError: there is none.
    """
    try:
        with Image.open(file) as picture:
            return {FRONT: picture.convert("RGB")}
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ConfigError(f"image={file} is no picture that can be read: {error}") from error


def render(config: DictConfig) -> dict[str, Image.Image]:
    """Return what the cameras show at the start of a scene."""
    check_range("seed", config.seed, 0)
    suite = open_suite(config.suite)
    task = str(config.task or next(iter(suite.tasks)))
    if task not in suite.tasks:
        raise UnknownNameError("task", task, suite.tasks)
    simulation = suite.make(**env_options(config))
    try:
        simulation.reset(task, config.seed)
        images = simulation.observe().images
    finally:
        simulation.close()
    cameras = [name for name in VlmConfig().cameras if name in images] or list(images)
    return {name: Image.fromarray(np.asarray(images[name])) for name in cameras}
