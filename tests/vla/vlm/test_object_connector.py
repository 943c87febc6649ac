"""Objects as words, location tokens and a look."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vla.errors import ConfigError
from vla.vlm.connectors import ConnectorSpec, make_connector
from vla.vlm.connectors.objects import LARGE, SIZES, ObjectConnector, overlaps

SPEC = ConnectorSpec(feature_dim=12, grid=4, hidden_dim=20, dim=8, objects=3, words=2, states=1, bins=16)
EMBEDDINGS = torch.randn(50, 20, generator=torch.Generator().manual_seed(0))
LOCATIONS = list(range(30, 46))


def connector_that_sees(*patches: int, sizes: int = 1) -> ObjectConnector:
    """A connector that finds small objects (and large ones) in some patches, whatever it is shown; always the same."""
    torch.manual_seed(0)
    connector = make_connector("objects", SPEC).eval()
    assert isinstance(connector, ObjectConnector)
    connector.start_among(EMBEDDINGS, LOCATIONS)
    found = connector.detect

    def detect(features: Tensor) -> object:
        said = found(features)
        presence = torch.full_like(said.presence, -20.0)
        for order, patch in enumerate(patches):
            presence[:, patch * SIZES : patch * SIZES + sizes] = 9.0 - order
        return type(said)(presence, said.boxes, said.hidden)

    connector.detect = detect  # type: ignore[method-assign]
    return connector


def tokens_of(connector: ObjectConnector) -> Tensor:
    torch.manual_seed(1)
    return connector(torch.randn(1, 16, 12)).view(SPEC.objects, SPEC.words + SPEC.states + 5, 20)


def test_an_image_is_a_fixed_number_of_tokens() -> None:
    connector = make_connector("objects", SPEC)
    assert connector.num_tokens == 3 * 8
    assert connector(torch.randn(2, 16, 12)).shape == (2, 24, 20)


def test_objects_stand_from_left_to_right_and_nothing_behind_them() -> None:
    connector = connector_that_sees(7, 0)  # right, and left but less sure
    tokens = tokens_of(connector).detach()
    edges = torch.cdist(tokens[:2, 3:7], connector.locations.detach())  # (2, 4, bins)
    nearest = edges.argmin(dim=2) / (SPEC.bins - 1)
    middles = (nearest[:, :2] + nearest[:, 2:]) / 2
    torch.testing.assert_close(middles, torch.tensor([[0.125, 0.125], [0.875, 0.375]]), atol=0.07, rtol=0)
    torch.testing.assert_close(tokens[2], connector.nothing.detach().expand(8, -1))


def test_an_image_of_nothing_is_nothing() -> None:
    connector = connector_that_sees()
    torch.testing.assert_close(tokens_of(connector), connector.nothing.expand(3, 8, -1))


def test_more_objects_than_there_is_room_for_lose_the_least_sure() -> None:
    both = tokens_of(connector_that_sees(0, 5, 10, 15))
    torch.testing.assert_close(both, tokens_of(connector_that_sees(0, 5, 10)))


def test_a_small_thing_and_the_large_one_that_it_lies_in_share_a_patch() -> None:
    tokens = tokens_of(connector_that_sees(5, sizes=2))
    nothing = connector_that_sees().nothing
    assert [bool((token == nothing).all()) for token in tokens] == [False, False, True]


def test_two_boxes_of_one_object_are_one() -> None:
    connector = connector_that_sees(5, 6)
    with torch.no_grad():
        connector.box.bias[:2] = torch.tensor([0.5, 0.0])  # patch 5 means the edge between them
    shifted = tokens_of(connector)
    assert not bool((shifted[1] == connector.nothing).all())
    found = connector.detect(torch.zeros(1, 16, 12))
    same = found.boxes.clone()
    same[:, 6 * SIZES] = same[:, 5 * SIZES]
    connector.detect = lambda features: type(found)(found.presence, same, found.hidden)  # type: ignore[method-assign]
    assert bool((tokens_of(connector)[1] == connector.nothing).all())


def test_the_same_word_tells_where_its_thing_is() -> None:
    connector = connector_that_sees(0, 13)
    features = torch.zeros(1, 16, 12)  # all patches look the same
    first, second = connector(features).view(SPEC.objects, SPEC.words + SPEC.states + 5, 20)[:2]
    boxes = connector.detect(features).boxes[0, [0, 13 * SIZES]]
    moved = connector.place(2 * (boxes[1] - boxes[0]))
    told = SPEC.words + SPEC.states
    torch.testing.assert_close(second[:told] - first[:told], moved.expand(told, -1))
    torch.testing.assert_close(first[-1], second[-1])  # the look is not moved
    distances = (EMBEDDINGS - EMBEDDINGS.mean(dim=0)).norm(dim=1)
    assert 0 < float(moved.detach().norm()) < float(distances.mean())


def test_coordinates_between_two_location_tokens_are_between_their_vectors() -> None:
    connector = connector_that_sees()
    written = connector._written(torch.tensor([[[0.0, 0.5, 1.0, 1 / 15]]]))[0, 0]
    rows = EMBEDDINGS[LOCATIONS]
    expected = torch.stack([rows[0], (rows[7] + rows[8]) / 2, rows[15], rows[1]])
    torch.testing.assert_close(written, expected)


def test_overlap_of_boxes() -> None:
    one = torch.tensor([0.0, 0.0, 0.5, 0.5])
    others = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.25, 0.0, 0.75, 0.5], [0.6, 0.6, 0.9, 0.9]])
    torch.testing.assert_close(overlaps(one, others), torch.tensor([1.0, 1 / 3, 0.0]))
    assert 0 < LARGE < 1


def test_boxes_as_text_have_no_tokens_for_it() -> None:
    with pytest.raises(ConfigError, match="grounding=tokens"):
        make_connector("objects", ConnectorSpec(feature_dim=12, grid=4, hidden_dim=20))
    connector = make_connector("objects", SPEC)
    with pytest.raises(ConfigError, match="16 coordinates, but there are 3"):
        connector.start_among(EMBEDDINGS, [1, 2, 3])
