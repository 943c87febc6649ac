"""What is said in a dataset: its instructions, and their words."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from vla.data.features import INSTRUCTION
from vla.data.inspection.folder import DatasetFolder

LISTED = 40
"""How many instructions and words are listed."""


@dataclass(frozen=True)
class Language:
    """Counts over the instructions of the episodes."""

    source: str
    """Where the instructions are from."""
    distinct: int
    without: int
    """Episodes that have none."""
    instructions: tuple[tuple[str, int], ...]
    """The most frequent ones, and in how many episodes each is given."""
    lengths: tuple[tuple[int, int], ...]
    """Number of words, and how many distinct instructions have it."""
    distinct_words: int
    words: tuple[tuple[str, int], ...]
    """The most frequent words, and in how many episodes each is said."""
    rare: tuple[str, ...]
    """Words that are said in one episode only."""


def language_of(folder: DatasetFolder) -> Language:
    """Count instructions and words."""
    texts = instructions(folder)
    said = [text for text in texts.values() if text.strip()]
    counts = Counter(said)
    words: Counter[str] = Counter()
    for text in said:
        words.update(set(words_of(text)))
    lengths = Counter(len(words_of(text)) for text in counts)
    own = INSTRUCTION in folder.episodes
    return Language(
        source="column 'instruction' of meta/episodes" if own else "tasks",
        distinct=len(counts),
        without=len(texts) - len(said),
        instructions=tuple(_most(counts)),
        lengths=tuple(sorted(lengths.items())),
        distinct_words=len(words),
        words=tuple(_most(words)),
        rare=tuple(sorted(word for word, count in words.items() if count == 1))[:LISTED],
    )


def instructions(folder: DatasetFolder) -> dict[int, str]:
    """Return what each episode is told: its instruction, or the task of its first frame; empty if there is none."""
    if own := folder.episodes.get(INSTRUCTION):
        told = {episode: own[row] for episode, row in folder.episode_rows.items()}
        return {episode: str(told.get(episode) or "") for episode in folder.slices}
    index = folder.frames.get("task_index")
    if index is None:
        return dict.fromkeys(folder.slices, "")
    first = {episode: int(index[rows.start]) for episode, rows in folder.slices.items()}
    return {episode: folder.tasks.get(task, "") for episode, task in first.items()}


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation."""
    return re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.lower())


def _most(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:LISTED]
