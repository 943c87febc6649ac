"""Tokens, addresses, certificates, rates."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vla.serve.tiny import TOKEN
from vla.errors import ConfigError
from vla.serve.access import RateLimit, authorized, check_exposure, client_tls, is_loopback, read_token, server_tls


def test_a_token_comes_from_a_file_or_else_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert read_token(file, {"VLA_TOKEN": "another-token-that-is-long"}) == TOKEN
    assert read_token(None, {"VLA_TOKEN": TOKEN}) == TOKEN
    assert read_token(None, {}) is None


@pytest.mark.parametrize("bad", ["", "short", "two words are not one token", "schlüssel-schlüssel-schlüssel"])
def test_a_bad_token_is_refused_and_not_shown(bad: str) -> None:
    with pytest.raises(ConfigError, match="VLA_TOKEN must be one word of at least 16") as caught:
        read_token(None, {"VLA_TOKEN": bad})
    assert not bad or bad not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"token_file={tmp_path}/none cannot be read: FileNotFoundError"):
        read_token(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe" * 20)
    with pytest.raises(ConfigError, match="cannot be read: UnicodeDecodeError"):
        read_token(tmp_path / "binary")


@pytest.mark.parametrize(
    ("headers", "admitted"),
    [
        ([f"Api-Key {TOKEN}"], True),
        ([f"Bearer {TOKEN}"], True),
        ([f"bearer   {TOKEN} "], True),
        ([f"Basic {TOKEN}"], False),
        ([TOKEN], False),
        ([f"Api-Key {TOKEN[:-1]}"], False),
        ([f"Api-Key {TOKEN}x"], False),
        (["Api-Key "], False),
        (["Api-Key ünïcode"], False),
        ([f"Api-Key {TOKEN}", f"Api-Key {TOKEN}"], False),
        ([], False),
    ],
)
def test_only_the_token_admits(headers: list[str], admitted: bool) -> None:
    assert authorized(headers, TOKEN) is admitted
    assert authorized(headers, None)


def test_nothing_is_open_to_others_without_a_token() -> None:
    for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost"):
        assert is_loopback(host)
        check_exposure(host, None)
    for host in ("0.0.0.0", "::", "192.168.1.4", "example.org", ""):
        assert not is_loopback(host)
        check_exposure(host, TOKEN)
        with pytest.raises(ConfigError, match="there is no token: set token_file= or VLA_TOKEN"):
            check_exposure(host, None)


def test_certificates_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    assert server_tls(None, None) is None
    with pytest.raises(ConfigError, match="both certificate= and key="):
        server_tls("cert.pem", None)
    with pytest.raises(ConfigError, match=r"cannot be used: .*No such file"):
        server_tls(str(tmp_path / "c.pem"), str(tmp_path / "k.pem"))
    (tmp_path / "c.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match=r"c\.pem cannot be used"):
        client_tls(str(tmp_path / "c.pem"))


def test_a_rate_is_kept_over_time() -> None:
    now = 0.0
    limit = RateLimit(10.0, clock=lambda: now)
    assert [limit.take() for _ in range(12)] == [True] * 10 + [False] * 2
    now += 0.25
    assert [limit.take() for _ in range(3)] == [True, True, False]
    now += 1000.0
    assert sum(limit.take() for _ in range(50)) == 10
