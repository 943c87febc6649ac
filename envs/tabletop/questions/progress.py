"""Whether a subgoal has been reached, in the words that the planner asks with."""

from __future__ import annotations

from envs.tabletop.oracle import achieved
from envs.tabletop.questions.descriptions import absent_phrase
from envs.tabletop.questions.drawing import Draw, ask
from envs.tabletop.questions.moments import Moment
from vla.language import MOVABLES, Step, split_phrase
from vla.vlm.examples import Question
from vla.vlm.prompts import NO, UNSEEN, YES, progress_question


def progress(moment: Moment, draw: Draw) -> list[Question]:
    """Return the question of the pursued subgoal, and often one of another.

    ``yes`` takes that the outcome holds and that the arm is back at the ready pose. Whether something has moved is
    asked of the pursued subgoal only: what it is compared with is the picture from when that began.
    """
    snapshot, now = moment.snapshot, moment.now
    pursued = snapshot.pursued or snapshot.plan
    asked = [pursued] if pursued is not None and (moment.now.ready or draw.chance(0.6)) else []
    others = {*moment.steps, *snapshot.reached, *_true_steps(moment)} - {pursued}
    others = sorted((step for step in others if step.skill != "push" and draw.allows([step])), key=lambda s: s.text)
    true = [step for step in others if moment.reached(step)]
    if others and draw.chance(0.9 if true else 0.4):
        asked.append(draw.one(true if true and draw.chance(0.85) else others))
    found = [question for step in asked if (question := _about(moment, step)) is not None]
    hidden = [thing for thing in now.movables if thing.hidden]
    absent = absent_phrase(now, draw)
    if hidden and (pursued is None or hidden[0].phrase != pursued.object):
        found.append(_ask(moment, Step("pick", hidden[0].phrase), UNSEEN, NO))
    elif absent in MOVABLES and draw.chance(0.15):
        containers = [thing.phrase for thing in now.containers if thing.seen]
        step = Step("pick", absent)
        if containers and draw.chance(0.7):
            step = Step("place", absent, draw.one(containers))
        if draw.allows([step]):
            found.append(_ask(moment, step, UNSEEN, NO))
    return found


def _true_steps(moment: Moment) -> list[Step]:
    """Return steps that someone else may have carried out."""
    now = moment.now
    found = [Step("pick", now.held.phrase)] if now.held else []
    for thing in now.movables:
        if thing.place in now.phrases:
            skill = "place" if split_phrase(thing.place)[0] is None else "stack"
            found.append(Step(skill, thing.phrase, thing.place))
    return found


def _about(moment: Moment, step: Step) -> Question | None:
    if moment.now.hides(step.object, step.place):
        return _ask(moment, step, UNSEEN, YES)
    pursued = moment.snapshot.pursued or moment.snapshot.plan
    if step != pursued and not moment.now.ready and achieved(moment.world, step):
        return None  # that it does not count before the arm is back matters for what is pursued only
    return _ask(moment, step, YES, NO) if moment.reached(step) else _ask(moment, step, NO, YES)


def _ask(moment: Moment, step: Step, answer: str, rejected: str) -> Question:
    prompt = progress_question(step.question, moment.body)
    truth = {"answer": answer, "about": f"{step.skill} {answer}"}
    return ask("progress", prompt, answer, truth, rejected=rejected)
