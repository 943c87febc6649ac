"""Entry point for lerobot's plugin discovery: importing this module registers our policies and environments."""

from policies import late_fusion as late_fusion
from vla.data import task_embedding as task_embedding
