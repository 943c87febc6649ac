"""What is different from when the subgoal began."""

from __future__ import annotations

import numpy as np

from envs.tabletop.questions.drawing import Draw, Wordings, ask, listed
from envs.tabletop.questions.facts import GRIPPER, TABLE, Thing
from envs.tabletop.questions.moments import Moment
from vla.language import PREPOSITIONS
from vla.vlm.examples import Question
from vla.vlm.prompts import NO, YES

MOVED, STILL = 0.025, 0.006
"""Distances above and below which an object counts as moved and as not moved [m]; between them nobody is asked."""

WHAT = Wordings(
    ("What changed?", "What is different from before?", "What has changed on the table?"),
    ("Compare the two front pictures: what happened?", "What is not as it was before?"),
)
WHETHER = Wordings(
    ("Has the {thing} moved?", "Is the {thing} somewhere else than before?", "Did the {thing} move?"),
    ("Has the {thing} left its place?", "Is the {thing} not where it was?"),
)


def changes(moment: Moment, draw: Draw) -> list[Question]:
    """Return a question about everything or about one object; the arm itself does not count."""
    now, before = moment.now, moment.before
    if not now.settled or not before.settled:
        return []
    pairs = [(before.thing(thing.phrase), thing) for thing in now.movables]
    clear = [(old, new) for old, new in pairs if not old.hidden and not new.hidden and _moved(old, new) is not None]
    found: list[Question] = []
    if len(clear) == len(pairs):
        happened = [_event(old, new) for old, new in pairs if _moved(old, new)]
        happened += ["the button was pressed"] if now.lit and not before.lit else []
        answer = listed(happened)
        wrong = f"the {draw.one(now.movables).phrase} moved" if now.movables else ""
        if wrong in happened or wrong.split(" ")[1:3] == answer.split(" ")[1:3]:
            wrong = listed([])
        if happened or draw.chance(0.25):
            found.append(ask("change", draw.words(WHAT), answer, {"answer": answer}, rejected=wrong))
    moved = [new.phrase for old, new in clear if _moved(old, new)]
    still = [new.phrase for old, new in clear if not _moved(old, new)]
    if (moved or still) and draw.chance(0.6 if moved else 0.3):
        answer, wrong = (YES, NO) if moved and (draw.chance(0.6) or not still) else (NO, YES)
        phrase = draw.one(moved if answer == YES else still)
        prompt = draw.words(WHETHER, thing=phrase)
        found.append(ask("change", prompt, answer, {"answer": answer}, rejected=wrong))
    return found


def _moved(old: Thing, new: Thing) -> bool | None:
    distance = float(np.linalg.norm(new.position - old.position))
    if old.place != new.place or distance > MOVED:
        return True
    return False if distance < STILL else None


def _event(old: Thing, new: Thing) -> str:
    if new.place == old.place or new.place == TABLE:
        return f"the {new.phrase} moved"
    if new.place == GRIPPER:
        return f"the {new.phrase} was picked up"
    return f"the {new.phrase} was put {PREPOSITIONS.get(new.place, 'on')} the {new.place}"
