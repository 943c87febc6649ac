"""Questions about the tabletop suite's scenes with answers from the simulator's truth, for a vision-language model.

The test split has wordings and seeds of its own, and combinations of an object with a place that training
instructions never ask for (``drawing.held_out``).
"""

from envs.tabletop.questions.drawing import has_held_out, held_out
from envs.tabletop.questions.views import make_views

__all__ = ["has_held_out", "held_out", "make_views"]
