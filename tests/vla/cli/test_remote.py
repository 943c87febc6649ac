"""`policy=ws://...` in the commands that take a policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vla.serve.tiny import TOKEN, serving
from vla.cli.main import main
from vla.cli.options import weights_digest
from vla.cli.rollouts import PlannerSpec, Rollouts, RolloutSpec
from vla.errors import LinkError
from vla.serve.address import is_remote, server_url
from vla.serve.client import RemotePolicy


def test_addresses_are_told_from_checkpoints() -> None:
    assert is_remote("remote")
    assert is_remote("wss://gpu.local:8000")
    assert not is_remote("checkpoints/remote")
    assert not is_remote("expert")
    assert server_url("remote", "ws://there:1") == "ws://there:1"
    assert server_url("ws://here:1", "ws://there:1") == "ws://here:1"
    assert weights_digest("ws://here:1") is None


def test_rollouts_take_their_policy_from_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(token=TOKEN) as served:
        spec = RolloutSpec("tests.helpers.toy_suite:suite", PlannerSpec(), policy=served.url, n_action_steps=3)
        monkeypatch.delenv("VLA_TOKEN", raising=False)
        with pytest.raises(LinkError, match="HTTP 401"):
            Rollouts(spec)
        monkeypatch.setenv("VLA_TOKEN", TOKEN)
        policy = Rollouts(spec)._policy
        assert isinstance(policy, RemotePolicy)
        assert policy.n_action_steps == 3
        policy.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["policy=ws://127.0.0.1:1"], "no policy server at ws://127.0.0.1:1"),
        (["policy=remote", "remote.url=ws://127.0.0.1:1"], "no policy server at ws://127.0.0.1:1"),
        (["policy=remote", "remote.url=http://x"], "http://x is no address of a policy server"),
        (["policy=remote", "remote.hold_after=0"], "remote.hold_after=0"),
    ],
)
def test_deploy_says_at_once_what_is_wrong_with_a_server(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["deploy", "press the button", f"stop_file={tmp_path / 'STOP'}", "planner=grammar", *options]) == 2
    assert message in capsys.readouterr().err
