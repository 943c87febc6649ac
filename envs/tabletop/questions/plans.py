"""The next subgoal, in the form that the planner asks for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from envs.tabletop.questions.drawing import Draw, ask
from envs.tabletop.questions.instructions import RECALLED, Instruction, instructions
from envs.tabletop.questions.moments import Moment, due
from envs.tabletop.questions.rewording import reword
from envs.tabletop.world import World
from vla.language import Step
from vla.vlm.examples import Question
from vla.vlm.prompts import DONE, Answer, Situation, plan_question, write_answer

UNDER_WAY = 0.7
"""How often a new instruction is one of which something is done already, if there is one."""
MIDWAY = 0.7
"""How often the planner has been told of what is done already."""
PUSHED = 0.7
"""How often a new instruction to push is told to be carried out; the picture does not say where the thing has been."""
PREMATURE = 0.5
"""How often the tempting answer is what comes after the right one, rather than the same with another object."""


def plans(moment: Moment, draw: Draw) -> list[Question]:
    """Return the question of the episode's own instruction, and sometimes that of a new one."""
    snapshot = moment.snapshot
    asked = [ask_plan("plan", moment.midway(), snapshot.plan, moment.world, _tempting(moment, draw), about="task")]
    if draw.chance(0.7) and (new := new_instruction(moment, draw)) is not None:
        asked.append(_ask_new(moment, new, draw))
    return asked


def _ask_new(moment: Moment, new: Instruction, draw: Draw) -> Question:
    """Return the question of an instruction that is begun at this moment, or is under way."""
    step, situation = due(moment.world, new.steps), moment.at_outset(reword(new.text, draw))
    rejected = new.rejected if step is not None and step.skill == "pick" else ""
    if new.done and (new.family == RECALLED or draw.chance(MIDWAY)):
        situation = replace(situation, reached=tuple(done.text for done in new.done))
    elif new.family == "push" and moment.now.ready and moment.now.held is None and draw.chance(PUSHED):
        situation = replace(situation, reached=tuple(done.text for done in new.steps))
        step, rejected = None, new.steps[0].text
    return ask_plan("plan", situation, step, moment.world, rejected, about=new.family)


def new_instruction(moment: Moment, draw: Draw) -> Instruction | None:
    """Return an instruction that is to be begun at this moment."""
    found = instructions(moment, draw)
    if not found:
        return None
    under_way = [instruction for instruction in found if instruction.done and instruction.steps]
    if under_way and draw.chance(UNDER_WAY):
        found = under_way
    families = sorted({instruction.family for instruction in found})
    family = draw.one(families)
    return draw.one([instruction for instruction in found if instruction.family == family])


def ask_plan(
    kind: str, situation: Situation, step: Step | None, world: World, rejected: str, about: str = ""
) -> Question:
    """Return the question of a situation whose next step is known; None is the end.

    Args:
        kind: of question.
        situation: what the planner knows.
        step: the right one.
        world: where things are.
        rejected: a tempting answer that is wrong.
        about: what sets the question apart from others of its kind.
    """
    box = world.box(step.approached) if step is not None else None
    answer = write_answer(Answer(step, box))
    return ask(
        kind,
        plan_question(situation),
        answer,
        truth_of(step) | ({"about": about} if about else {}),
        boxes=(box,) if box else (),
        rejected="" if rejected == answer.split(" <")[0] else rejected,
    )


def truth_of(step: Step | None) -> dict[str, Any]:
    """Return what a plan's answer is compared with."""
    if step is None:
        return {"done": True}
    return {"skill": step.skill, "object": step.object, "place": step.place}


def _tempting(moment: Moment, draw: Draw) -> str:
    """Return the step after the right one, or the right one with another object."""
    step = moment.snapshot.plan
    if step is None:
        return moment.steps[-1].text
    index = moment.steps.index(step) if step in moment.steps else 0
    if draw.chance(PREMATURE):
        return moment.steps[index + 1].text if index + 1 < len(moment.steps) else DONE
    others = [
        other
        for thing in moment.now.movables
        if thing.phrase not in (step.object, step.place) and step.skill != "press"
        for other in [Step(step.skill, thing.phrase, step.place)]
    ]
    return draw.one(others).text if others else DONE
