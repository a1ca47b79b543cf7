"""A model that is cut up over two processes, under torchrun, against a whole one."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from alignment.core.backbone import Backbone
from alignment.core.model.loading import ModelError
from alignment.core.running.processes import Team
from alignment.core.running.sharding import clip_gradients, in_step, in_use
from tests import joint_training


@pytest.fixture(scope="module")
def model(model_folder):
    return model_folder("llama")


@pytest.fixture(scope="module")
def sharded(model, tmp_path_factory):
    """What two processes left behind that trained sharded models."""
    out = tmp_path_factory.mktemp("sharded")
    done = joint_training.launch("be_sharded", model, out)
    assert done.returncode == 0, done.stderr[-4000:]
    return out


@pytest.mark.slow
@pytest.mark.parametrize("name", joint_training.SHARDED)
def test_a_sharded_model_trains_to_the_same_weights_as_a_whole_one(sharded, model, name):
    alone, result = joint_training.run(name, model, loading=joint_training.SHARDED[name], micro_batch_tokens=60)

    abouts = [json.loads((sharded / rank / "about.json").read_text(encoding="utf-8")) for rank in "01"]
    first, second = (load_file(sharded / rank / f"{name}.safetensors") for rank in "01")
    assert alone.keys() == first.keys()
    for key, tensor in alone.items():
        assert torch.equal(first[key], second[key]), key
        torch.testing.assert_close(first[key], tensor, atol=1e-5, rtol=0)
    losses = [step["loss"] for step in result.history]
    assert [step["loss"] for step in abouts[0]["histories"][name]] == pytest.approx(losses, abs=1e-5)
    assert abouts[0]["histories"][name] == abouts[1]["histories"][name]
    norms = [value for key, value in result.metrics.items() if key.startswith("grad_norm/")]
    found = [value for key, value in abouts[0]["histories"][name][-1].items() if key.startswith("grad_norm/")]
    assert found == pytest.approx(norms, rel=1e-4)


@pytest.mark.slow
def test_each_process_holds_half_of_the_transformer(sharded):
    held = [json.loads((sharded / rank / "about.json").read_text(encoding="utf-8"))["held"] for rank in "01"]

    assert held == [0.5, 0.5]


@pytest.mark.slow
def test_a_sharded_model_refuses_to_compute_in_one_process_alone(sharded):
    endings = [json.loads((sharded / rank / "about.json").read_text(encoding="utf-8"))["in_on_step"] for rank in "01"]

    refusal = "a sharded model computes in all processes at once, and `on_step` is asked in the first one only"
    assert endings == [f"ModelError: {refusal}"] * 2


@pytest.mark.slow
def test_a_sharded_run_is_stopped_and_goes_on_to_bit_equal_weights(sharded):
    whole, resumed = (load_file(sharded / "0" / f"{name}.safetensors") for name in ("ppo", "resumed"))

    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


@pytest.mark.slow
def test_an_adapter_that_sharded_processes_saved_opens_in_one(sharded, model):
    backbone = Backbone.load(model, device="cpu", lora=None)

    backbone.load_adapter("policy", sharded / "adapter")

    base = dict(backbone.decoder().named_parameters())
    for name, tensor in backbone.named_parameters("policy").items():
        if name.removeprefix("model.") in base:
            assert torch.equal(tensor, base[name.removeprefix("model.")])


def test_one_process_has_nothing_to_shard_a_model_over(load_backbone):
    with pytest.raises(ModelError, match="sharded is set and there is one process; start several with torchrun"):
        load_backbone(sharded=True)

    assert not in_use()


def test_all_processes_make_as_many_passes_over_units_of_one_kind():
    units = [5, 1, 1, 2.0, 2, 2, 9.0, 1]

    plans = [
        in_step(units, here=Team(rank, 3), weight=float, batches=lambda share: [[unit] for unit in share])
        for rank in range(3)
    ]

    assert {len(plan) for plan in plans} == {len(plans[0])}
    for passes in zip(*plans, strict=True):
        assert len({type(unit) for batch, _ in passes for unit in batch}) == 1
    counted = sorted(unit for plan in plans for batch, counts in plan if counts for unit in batch)
    assert counted == sorted(units)


def test_whole_gradients_are_clipped_as_torch_does():
    parameters = [torch.nn.Parameter(torch.zeros(3)), torch.nn.Parameter(torch.zeros(2))]
    parameters[0].grad = torch.tensor([3.0, 0.0, 0.0])
    parameters[1].grad = torch.tensor([0.0, 4.0])

    norm = clip_gradients(parameters, most=1.0)

    assert norm.item() == pytest.approx(5.0)
    torch.testing.assert_close(parameters[0].grad, torch.tensor([0.6, 0.0, 0.0]))
    torch.testing.assert_close(parameters[1].grad, torch.tensor([0.0, 0.8]))
