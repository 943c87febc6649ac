import numpy as np
import pytest

from envs.tabletop.arm import LEVELS, arm_spec, cluster_vertices
from vla.errors import UnknownNameError


def test_levels_of_detail_are_ordered():
    faces = {level: int(arm_spec(level).compile().mesh_facenum.sum()) for level in LEVELS}
    assert faces["low"] < faces["medium"] < faces["high"] < faces["full"]
    assert faces["full"] > 100_000 and faces["medium"] < 10_000


def test_unknown_level():
    with pytest.raises(UnknownNameError, match=r"'ultra'.*full, high, low, medium"):
        arm_spec("ultra")


def test_clustering_keeps_a_grid_that_is_coarser_than_the_cell():
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    faces = np.array([[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]])
    vertices, kept = cluster_vertices(corners, faces, 0.1)
    assert len(vertices) == 4 and len(kept) == 4


def test_clustering_collapses_what_is_finer_than_the_cell():
    corners = np.array([[0, 0, 0], [0.01, 0, 0], [0, 0.01, 0], [1, 0, 0], [0, 1, 0]])
    vertices, faces = cluster_vertices(corners, np.array([[0, 1, 2], [0, 3, 4], [1, 3, 4]]), 0.1)
    assert len(vertices) == 3
    assert len(faces) == 1, "the small face vanishes, the two large ones become one"
