from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.action_tokenizers import TOKENIZERS, ActionTokenizer, BinnedTokenizer, DctTokenizer, make_tokenizer
from policies.action_tokenizers.fast import PAD, FastTokenizer
from tests.policies.helpers import smooth_motion
from vla.errors import ConfigError, UnknownNameError

CHUNK, DIM = 8, 3
NAMES = sorted(TOKENIZERS)


def chunks(count: int, seed: int = 0) -> np.ndarray:
    """Smooth chunks (N, T, n), each dimension with its own range."""
    motion = smooth_motion(count + CHUNK, seed)[:, :DIM] * np.array([1.0, 0.1, 2.0], np.float32)
    return np.stack([motion[i : i + CHUNK] for i in range(count)])


def fitted(name: str) -> ActionTokenizer:
    tokenizer = make_tokenizer(name, CHUNK, DIM)
    tokenizer.fit(chunks(300))
    return tokenizer


@pytest.fixture(scope="module")
def tokenizers() -> dict[str, ActionTokenizer]:
    return {name: fitted(name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_tokens_are_within_the_vocabulary(tokenizers: dict[str, ActionTokenizer], name: str) -> None:
    tokenizer = tokenizers[name]
    tokens = tokenizer.encode(torch.randn(20, CHUNK, DIM) * 1000)
    assert tokens.shape == (20, tokenizer.num_tokens)
    assert tokens.dtype == torch.int64
    assert tokens.min() >= 0
    assert tokens.max() < tokenizer.vocab_size


@pytest.mark.parametrize("name", NAMES)
def test_chunks_of_the_data_survive_the_round_trip(tokenizers: dict[str, ActionTokenizer], name: str) -> None:
    data = torch.from_numpy(chunks(300))
    decoded = tokenizers[name].decode(tokenizers[name].encode(data))
    deviation = data.flatten(0, 1).std(0)
    assert ((decoded - data).abs().mean((0, 1)) < 0.05 * deviation).all()


@pytest.mark.parametrize("name", NAMES)
def test_tokens_decode_and_encode_to_chunks_that_stay_put(tokenizers: dict[str, ActionTokenizer], name: str) -> None:
    once = tokenizers[name].decode(tokenizers[name].encode(torch.from_numpy(chunks(50, seed=3))))
    twice = tokenizers[name].decode(tokenizers[name].encode(once))
    torch.testing.assert_close(twice, once, atol=0.3, rtol=0.02)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), name=st.sampled_from([name for name in NAMES if name != "fast"]))
def test_any_tokens_of_bins_survive_the_round_trip(data: st.DataObject, name: str) -> None:
    tokenizer = PROPERTY_TOKENIZERS[name]
    assert isinstance(tokenizer, BinnedTokenizer)
    values = data.draw(
        st.lists(st.integers(0, tokenizer.vocab_size - 1), min_size=tokenizer.num_tokens, max_size=tokenizer.num_tokens)
    )
    tokens = torch.tensor([values])
    torch.testing.assert_close(tokenizer.encode(tokenizer.decode(tokens)), tokens)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), name=st.sampled_from([name for name in NAMES if name != "fast"]))
def test_fractional_positions_survive_the_round_trip(data: st.DataObject, name: str) -> None:
    tokenizer = PROPERTY_TOKENIZERS[name]
    assert isinstance(tokenizer, BinnedTokenizer)
    top = float(tokenizer.vocab_size - 1)
    positions = torch.tensor(
        [data.draw(st.lists(st.floats(0, top), min_size=tokenizer.num_tokens, max_size=tokenizer.num_tokens))]
    )
    again = tokenizer.positions(tokenizer.from_positions(positions))
    torch.testing.assert_close(again, positions, atol=0.05, rtol=0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 511), min_size=48, max_size=48))
def test_any_code_of_fast_decodes_to_finite_actions(code: list[int]) -> None:
    decoded = PROPERTY_TOKENIZERS["fast"].decode(torch.tensor([code]))
    assert decoded.shape == (1, CHUNK, DIM)
    assert decoded.isfinite().all()


PROPERTY_TOKENIZERS = {name: fitted(name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_fitting_is_deterministic(tokenizers: dict[str, ActionTokenizer], name: str) -> None:
    again = fitted(name).state_dict()
    for key, value in tokenizers[name].state_dict().items():
        assert torch.equal(again[key], value), key


@pytest.mark.parametrize("name", NAMES)
def test_state_dict_carries_everything_learned(tokenizers: dict[str, ActionTokenizer], name: str) -> None:
    restored = make_tokenizer(name, CHUNK, DIM)
    restored.load_state_dict(tokenizers[name].state_dict())
    data = torch.from_numpy(chunks(30, seed=5))
    tokens = tokenizers[name].encode(data)
    assert torch.equal(restored.encode(data), tokens)
    assert torch.equal(restored.decode(tokens), tokenizers[name].decode(tokens))


@pytest.mark.parametrize("name", NAMES)
def test_certain_logits_decode_to_their_tokens(tokenizers: dict[str, ActionTokenizer], name: str) -> None:
    tokenizer = tokenizers[name]
    tokens = tokenizer.encode(torch.from_numpy(chunks(5)))
    logits = 50.0 * torch.nn.functional.one_hot(tokens, tokenizer.vocab_size)
    torch.testing.assert_close(tokenizer.decode_logits(logits), tokenizer.decode(tokens), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_loss_is_least_at_the_target(tokenizers: dict[str, ActionTokenizer], name: str) -> None:
    tokenizer = tokenizers[name]
    data = torch.from_numpy(chunks(5))
    one_hot = torch.nn.functional.one_hot(tokenizer.encode(data), tokenizer.vocab_size).float()
    right = tokenizer.loss(4 * one_hot, data)
    wrong = tokenizer.loss(4 * one_hot.roll(20, dims=-1), data)
    assert right.shape == (5, tokenizer.num_tokens)
    assert (right < wrong).all()


@pytest.mark.parametrize("name", NAMES)
def test_constant_dimensions_do_not_break_the_round_trip(name: str) -> None:
    tokenizer = make_tokenizer(name, CHUNK, DIM)
    data = np.full((50, CHUNK, DIM), 7.0, np.float32)
    tokenizer.fit(data)
    decoded = tokenizer.decode(tokenizer.encode(torch.from_numpy(data[:2])))
    torch.testing.assert_close(decoded, torch.from_numpy(data[:2]), atol=0.01, rtol=0)


def test_smooth_targets_and_expectation_resolve_less_than_a_bin() -> None:
    tokenizer = DctTokenizer(CHUNK, DIM, n_bins=32, n_coefficients=CHUNK)
    tokenizer.fit(chunks(300))
    data = torch.from_numpy(chunks(50))
    bins = torch.arange(32.0)
    ideal = -0.5 * (bins - tokenizer.positions(data)[..., None]).square()
    by_expectation = (tokenizer.decode_logits(ideal) - data).abs().mean()
    by_bin = (tokenizer.decode(tokenizer.encode(data)) - data).abs().mean()
    assert by_expectation < 0.2 * by_bin


def test_expectation_does_not_average_distant_modes() -> None:
    tokenizer = DctTokenizer(CHUNK, DIM, n_bins=64, n_coefficients=1, decode_window=3)
    logits = torch.full((1, DIM, 64), -50.0)
    logits[..., 5], logits[..., 60] = 10.0, 9.9
    torch.testing.assert_close(tokenizer.decode_logits(logits), tokenizer.decode(torch.full((1, DIM), 5)))


def test_tokens_of_padded_steps_are_masked() -> None:
    is_pad = torch.tensor([[False] * 5 + [True] * 3])
    mask = make_tokenizer("uniform", CHUNK, DIM).token_mask(is_pad)
    assert mask.view(CHUNK, DIM).all(1).tolist() == [True] * 5 + [False] * 3
    assert make_tokenizer("dct", CHUNK, DIM).token_mask(is_pad).all()


def test_fast_compresses_and_pads() -> None:
    tokenizer = PROPERTY_TOKENIZERS["fast"]
    assert isinstance(tokenizer, FastTokenizer)
    data = torch.from_numpy(chunks(100))
    lengths = tokenizer.code_lengths(data)
    assert np.mean(lengths) < CHUNK * DIM / 2
    tokens = tokenizer.encode(data)
    assert [(row != PAD).sum().item() for row in tokens] == lengths


def test_fast_loses_only_the_end_of_a_code_that_is_too_long() -> None:
    short = FastTokenizer(CHUNK, DIM, max_tokens=DIM)
    short.fit(chunks(300))
    data = torch.from_numpy(chunks(20))
    error = (short.decode(short.encode(data)) - data).abs().mean((0, 1))
    assert (error < data.flatten(0, 1).std(0)).all()


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(UnknownNameError, match=r"'dtc'. Did you mean 'dct'\? Valid: dct, fast, quantile, uniform"):
        make_tokenizer("dtc", CHUNK, DIM)


@pytest.mark.parametrize("bad", [np.zeros((5, CHUNK + 1, DIM)), np.zeros((0, CHUNK, DIM)), np.zeros((CHUNK, DIM))])
def test_chunks_of_the_wrong_shape_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ConfigError, match=r"fitted on chunks \(N, 8, 3\)"):
        make_tokenizer("dct", CHUNK, DIM).fit(bad)


def test_values_that_are_not_finite_are_refused() -> None:
    bad = chunks(10)
    bad[0, 0, 0] = np.nan
    with pytest.raises(ConfigError, match="not finite"):
        make_tokenizer("uniform", CHUNK, DIM).fit(bad)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("dct", {"n_coefficients": CHUNK + 1}, "n_coefficients=9 is not within"),
        ("uniform", {"n_bins": 1}, "n_bins=1"),
        ("fast", {"vocab_size": 100}, "vocab_size=100"),
    ],
)
def test_options_that_do_not_fit_are_refused(name: str, options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_tokenizer(name, CHUNK, DIM, **options)
