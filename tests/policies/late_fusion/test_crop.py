"""Crops around goal boxes, and around points that states name."""

from pathlib import Path

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from policies.late_fusion.crop import crop_around, goal_center, projected_center
from policies.late_fusion.inputs import unpack
from tests.policies.helpers import SIZE, STATE_CROP, small_batch, small_config, small_policy
from vla.data.features import GOAL, STATE, image_key
from vla.errors import ConfigError, MissingModalityError


def blob(x: int, y: int, size: int = 32) -> torch.Tensor:
    frame = torch.zeros(1, 3, size, size)
    frame[..., y, x] = 1
    return frame


def both(frames: torch.Tensor) -> dict[str, torch.Tensor]:
    return {image_key("front"): frames, image_key("wrist"): frames}


def test_crop_is_centred_on_the_goal() -> None:
    goal = torch.tensor([[1.0, 0.55, 0.25, 0.75, 0.40]])
    crop, center = crop_around(blob(20, 10), goal_center(goal), 8)
    assert crop.shape == (1, 3, 8, 8)
    assert crop[0, 0].sum() == 1
    torch.testing.assert_close(center, torch.tensor([[0.65, 0.325]]), atol=0.5 / 32, rtol=0)


@pytest.mark.parametrize(
    ("goal", "expected"), [([0.0, 0, 0, 0, 0], [0.5, 0.5]), ([1.0, 0.9, 0.0, 1.0, 0.1], [0.875, 0.125])]
)
def test_crop_without_goal_is_central_and_at_the_border_stays_inside(goal: list, expected: list) -> None:
    _, center = crop_around(torch.zeros(1, 3, 32, 32), goal_center(torch.tensor([goal])), 8)
    torch.testing.assert_close(center[0], torch.tensor(expected))


def test_crop_larger_than_the_frame_is_refused() -> None:
    with pytest.raises(ConfigError, match="crop_size=40 is larger than the frame of 32 x 32"):
        crop_around(torch.zeros(1, 3, 32, 32), torch.full((1, 2), 0.5), 40)


@settings(max_examples=50, deadline=None)
@given(
    centers=st.lists(st.tuples(st.floats(-0.5, 1.5), st.floats(-0.5, 1.5)), min_size=1, max_size=4),
    size=st.sampled_from([4, 8, 15, 32]),
)
def test_a_crop_is_the_part_of_the_frame_around_the_centre_it_reports(centers: list, size: int) -> None:
    frames = torch.rand(len(centers), 3, 32, 40)
    crops, reported = crop_around(frames, torch.tensor(centers), size)
    for frame, crop, (x, y) in zip(frames, crops, reported.tolist(), strict=True):
        column, row = round(40 * x - size / 2), round(32 * y - size / 2)
        assert torch.equal(crop, frame[:, row : row + size, column : column + size])


@settings(max_examples=50, deadline=None)
@given(
    pixel=st.tuples(st.floats(0.05, 0.95), st.floats(0.05, 0.95)),
    depth=st.floats(0.2, 3.0),
    rest=st.lists(st.floats(-5, 5), max_size=3),
)
def test_a_point_is_projected_to_where_its_ray_was_cast(pixel: tuple, depth: float, rest: list) -> None:
    generator = torch.Generator().manual_seed(len(rest))
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator))
    projection = torch.cat([rotation, torch.randn(3, 1, generator=generator)], dim=1)
    image = depth * torch.tensor([*pixel, 1.0])
    point = torch.linalg.solve(projection[:, :3], image - projection[:, 3])
    state = torch.tensor([[*point.tolist(), *rest]])
    torch.testing.assert_close(projected_center(state, projection)[0], torch.tensor(pixel), atol=1e-3, rtol=0)


def test_a_point_behind_the_camera_gives_the_middle() -> None:
    projection = torch.eye(3, 4)
    assert projected_center(torch.tensor([[3.0, 2.0, -1.0]]), projection).tolist() == [[0.5, 0.5]]


def test_only_what_is_around_the_states_point_is_seen_by_the_crop(motion: Path) -> None:
    policy = small_policy(motion, **STATE_CROP)
    batch = small_batch(1)
    batch[STATE] = torch.tensor([[-20.0, 10.0, 0.0, 5.0, 5.0, 50.0]])  # at 0.3, 0.6 of the frame
    views, _, center = policy.network._views(both(blob(19, 38, SIZE)), batch[GOAL], batch[STATE])
    assert center is not None
    torch.testing.assert_close(center, torch.tensor([[0.3, 0.6]]), atol=0.5 / SIZE, rtol=0)
    crop = views["goal_crop"][0, 0]
    assert crop.shape == (24, 24)
    assert divmod(int(crop.argmax()), 24) == (12, 12)


def test_training_moves_the_crop_with_the_frame_and_a_little_beside_it(motion: Path) -> None:
    policy = small_policy(motion, **STATE_CROP, goal_jitter=0.01, shift_pixels=4).train()
    torch.manual_seed(0)
    goals, states = torch.zeros(200, 5), torch.zeros(200, 6)
    views, _, center = policy.network._views(both(blob(32, 32, SIZE).repeat(200, 1, 1, 1)), goals, states)
    assert center is not None
    places = views["goal_crop"][:, 0].flatten(1).argmax(1)
    rows, columns = places // 24, places % 24
    assert rows.unique().numel() > 2
    assert (rows - 12).abs().max() <= 4
    assert (columns - 12).abs().max() <= 4
    assert 1 / SIZE < center.std(0).max() < 6 / SIZE


def test_a_policy_that_ignores_goals_needs_none(motion: Path) -> None:
    policy = small_policy(motion, **STATE_CROP)
    batch = small_batch()
    expected = policy.predict_action_chunk(batch)
    del batch[GOAL]
    assert torch.equal(policy.predict_action_chunk(batch), expected)
    with pytest.raises(MissingModalityError):
        small_policy(motion).predict_action_chunk(batch)


def test_frames_of_another_size_are_averaged_down() -> None:
    config, batch = small_config(), small_batch()
    expected = batch[image_key("front")]
    batch[image_key("front")] = expected.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(unpack(batch, config).frames[image_key("front")], expected)
    large = (255 * batch[image_key("front")]).to(torch.uint8)
    assert unpack(batch | {image_key("front"): large}, config).frames[image_key("front")].dtype == torch.uint8


def test_frames_of_another_shape_are_refused() -> None:
    batch = small_batch()
    batch[image_key("wrist")] = torch.zeros(4, 3, SIZE, 2 * SIZE)
    with pytest.raises(ConfigError, match=r"observation\.images\.wrist is 64 x 128 px.* 64 x 64"):
        unpack(batch, small_config())
