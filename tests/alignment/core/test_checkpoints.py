from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from alignment.core.checkpoints import (
    CheckpointError,
    latest,
    load_checkpoint,
    replaced_folder,
    restore_rng_state,
    rng_state,
    save_checkpoint,
)

FILES = ("tensors.safetensors", "state.json", "digest.json")


def _trained() -> tuple[torch.nn.Linear, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        torch.autograd.backward(model(torch.randn(4, 3)).pow(2).sum())
        optimizer.step()
    return model, optimizer


def test_a_state_comes_back_bit_for_bit_with_its_types(tmp_path):
    shared = torch.arange(6.0).reshape(2, 3)
    state: dict[str, Any] = {
        "tensor": torch.tensor([0.1, float("nan"), -0.0], dtype=torch.bfloat16),
        "scalar": torch.tensor(3),
        "empty": torch.empty(0, 4),
        "transposed": shared.T,
        "row of the same": shared[0],
        "mask": torch.tensor([True, False]),
        "number": 0.1 + 0.2,
        "infinite": float("inf"),
        "text": "é <|x|>",
        "nothing": None,
        "flag": True,
        "pair": (1, [2, (3,)]),
        "by number": {0: {"a": torch.ones(1)}, 1: {}},
    }

    path = save_checkpoint(tmp_path, state, step=3)
    back = load_checkpoint(path)

    assert back.keys() == state.keys()
    for name in ("tensor", "scalar", "empty", "transposed", "row of the same", "mask"):
        assert back[name].dtype == state[name].dtype
        assert torch.equal(torch.nan_to_num(back[name].float()), torch.nan_to_num(state[name].float()))
    for name in ("number", "infinite", "text", "nothing", "flag", "pair"):
        assert back[name] == state[name]
        assert type(back[name]) is type(state[name])
    assert back["by number"] == {0: {"a": torch.ones(1)}, 1: {}}


def test_an_optimizer_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(tmp_path):
    model, optimizer = _trained()
    path = save_checkpoint(
        tmp_path, {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "random": rng_state()}, step=3
    )
    results = []
    for resumed in (False, True):
        if resumed:
            torch.manual_seed(99)
            state = load_checkpoint(path)
            model = torch.nn.Linear(3, 2)
            optimizer = torch.optim.AdamW(model.parameters(), lr=0.5)
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
            restore_rng_state(state["random"])
        optimizer.zero_grad()
        torch.autograd.backward(model(torch.randn(4, 3)).pow(2).sum())
        optimizer.step()
        results.append(model.weight.detach().clone())

    assert torch.equal(*results)


def test_every_random_number_generator_goes_on(tmp_path):
    generator = torch.Generator().manual_seed(5)
    path = save_checkpoint(tmp_path, {"global": rng_state(), "own": generator.get_state()}, step=1)

    def numbers(own: torch.Generator) -> tuple[float, float, float, float]:
        drawn = torch.rand(1).item(), torch.rand(1, generator=own).item()
        return random.random(), float(np.random.rand()), *drawn

    expected = numbers(generator)
    state = load_checkpoint(path)
    restore_rng_state(state["global"])
    other = torch.Generator()
    other.set_state(state["own"])

    assert numbers(other) == expected


def test_the_newest_two_stay_and_nothing_else(tmp_path):
    for step in (1, 2, 10, 9):
        save_checkpoint(tmp_path, {"step": step}, step=step)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000009", "step-00000010"]
    assert latest(tmp_path) == tmp_path / "step-00000010"


def test_a_step_saved_again_replaces_the_first(tmp_path):
    save_checkpoint(tmp_path, {"x": 1}, step=5)

    path = save_checkpoint(tmp_path, {"x": 2}, step=5)

    assert load_checkpoint(path) == {"x": 2}
    assert [child.name for child in tmp_path.iterdir()] == ["step-00000005"]


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "damage",
    [lambda f: f.write_bytes(f.read_bytes()[:-1]), _flip, lambda f: f.write_bytes(b""), lambda f: f.unlink()],
    ids=["cut", "altered", "emptied", "missing"],
)
def test_a_damaged_checkpoint_is_refused_by_name_and_the_one_before_is_used(tmp_path, name, damage, caplog):
    good = save_checkpoint(tmp_path, {"weights": torch.ones(50)}, step=1)
    bad = save_checkpoint(tmp_path, {"weights": torch.zeros(50)}, step=2)
    damage(bad / name)

    with pytest.raises(CheckpointError, match=r"step-00000002.*; delete .* and resume from an older"):
        load_checkpoint(bad)

    assert latest(tmp_path) == good
    assert "step-00000002" in caplog.text
    assert torch.equal(load_checkpoint(good)["weights"], torch.ones(50))


def test_without_a_checkpoint_there_is_no_latest_and_loading_says_so(tmp_path):
    assert latest(tmp_path) is None
    assert latest(tmp_path / "none") is None
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        load_checkpoint(tmp_path / "step-00000001")


def test_what_cannot_be_saved_is_named_and_leaves_nothing(tmp_path):
    save_checkpoint(tmp_path, {"x": 1}, step=1)

    with pytest.raises(CheckpointError, match=r"state\.a\.1 is a set; save tensors"):
        save_checkpoint(tmp_path, {"a": [1, {2}]}, step=2)

    assert [child.name for child in tmp_path.iterdir()] == ["step-00000001"]


def test_keeping_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match="keep is 0"):
        save_checkpoint(tmp_path, {}, step=1, keep=0)


def test_a_folder_that_fails_half_way_leaves_the_old_one(tmp_path):
    with replaced_folder(tmp_path / "x") as place:
        (place / "file").write_text("old")

    def fail_half_way() -> None:
        with replaced_folder(tmp_path / "x") as place:
            (place / "file").write_text("new")
            raise RuntimeError("no space")

    with pytest.raises(RuntimeError, match="no space"):
        fail_half_way()

    assert (tmp_path / "x" / "file").read_text() == "old"
    assert [child.name for child in tmp_path.iterdir()] == ["x"]


@pytest.fixture
def killed_while_saving(tmp_path) -> Callable[[str, int], None]:
    """A real process that saves steps 1 and 2 and kills itself in a call of the second save."""

    def run(call: str, count: int) -> None:
        program = f"""
            import os, signal
            from pathlib import Path
            import torch
            from alignment.core import checkpoints

            folder = Path({str(tmp_path)!r})
            checkpoints.save_checkpoint(folder, {{"x": torch.full((1000,), 1.0)}}, step=1)
            owner, name = {call!r}.rsplit(".", 1)
            owner = {{"os": os, "Path": Path, "checkpoints": checkpoints}}[owner]
            original, calls = getattr(owner, name), []

            def kill(*args, **kwargs):
                calls.append(1)
                if len(calls) == {count}:
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(*args, **kwargs)

            setattr(owner, name, kill)
            checkpoints.save_checkpoint(folder, {{"x": torch.full((1000,), 2.0)}}, step=int(os.environ["STEP"]))
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            check=False,
            timeout=120,
        )
        assert done.returncode == -signal.SIGKILL

    return run


@pytest.mark.parametrize(
    ("step", "call", "count", "expected"),
    [
        (2, "checkpoints.save_file", 1, 1.0),
        (2, "os.fsync", 2, 1.0),
        (2, "Path.rename", 1, 1.0),  # everything is written, only the name is missing
        (2, "checkpoints._sync", 5, 2.0),  # after the rename: three files, the folder, then its parent
        (1, "Path.rename", 1, 1.0),  # the same step again: before the old one is moved away
        (1, "Path.rename", 2, 1.0),  # and when it has been, but the new one is not yet in its place
    ],
)
def test_a_process_killed_while_saving_leaves_a_whole_checkpoint(
    tmp_path, killed_while_saving, monkeypatch, step, call, count, expected
):
    monkeypatch.setenv("STEP", str(step))

    killed_while_saving(call, count)

    found = latest(tmp_path)
    assert found is not None
    assert load_checkpoint(found)["x"].unique().tolist() == [expected]
    save_checkpoint(tmp_path, {"x": torch.zeros(1)}, step=3)  # the next save goes well and clears up
    assert load_checkpoint(tmp_path / "step-00000003")["x"].tolist() == [0.0]
    save_checkpoint(tmp_path, {"x": torch.zeros(1)}, step=3, keep=1)
    assert [child.name for child in tmp_path.iterdir()] == ["step-00000003"]
