from __future__ import annotations

import pytest
import torch

from alignment.core.backbone import ModelError
from alignment.core.model.adapters import LoraConfig, copy_tensors
from tests.tiny_models import ARCHITECTURES

LAYERS = {"gpt2": 4, "llama": 7, "qwen3": 7, "gpt_neox": 4}  # linear layers of a block


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_linear_layer_but_the_token_head_gets_an_adapter(load_backbone, architecture):
    backbone = load_backbone(architecture, lora=LoraConfig(rank=3, alpha=6.0))

    backbone.add_adapter("policy")

    tensors = backbone.named_parameters("policy")
    assert len(tensors) == 2 * 2 * LAYERS[architecture]  # two blocks, A and B
    assert {min(tensor.shape) for tensor in tensors.values()} == {3}
    assert not any("lm_head" in name or "embed_out" in name for name in tensors)


def test_a_second_adapter_wraps_no_layer_of_the_first(load_backbone):
    backbone = load_backbone("llama")

    backbone.add_adapter("policy")
    backbone.add_adapter("reward")

    assert backbone.named_parameters("policy").keys() == backbone.named_parameters("reward").keys()


def test_only_the_layers_that_were_asked_for_get_an_adapter(load_backbone):
    backbone = load_backbone("llama", lora=LoraConfig(rank=2, alpha=4.0, targets=("q_proj", "v_proj")))

    backbone.add_adapter("policy")

    names = backbone.named_parameters("policy")
    assert {name.split(".")[-3] for name in names} == {"q_proj", "v_proj"}
    assert len(names) == 2 * 2 * 2


def test_a_target_that_no_layer_has_is_named(load_backbone):
    backbone = load_backbone("gpt2", lora=LoraConfig(targets=("q_proj",)))

    with pytest.raises(ModelError, match="no linear layer's name ends with one of q_proj"):
        backbone.add_adapter("policy")


def test_a_start_depends_on_its_seed_alone(load_backbone):
    starts = []
    for seed, noise in ((4, 0), (4, 1), (5, 0)):
        backbone = load_backbone("gpt2")
        torch.manual_seed(noise)
        before = torch.get_rng_state()
        backbone.add_adapter("policy", seed=seed)
        starts.append(torch.cat([parameter.flatten() for parameter in backbone.parameters("policy")]))
        assert torch.equal(torch.get_rng_state(), before)

    assert torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[0], starts[2])


@pytest.mark.parametrize(("options", "message"), [({"rank": 0}, "rank is 0"), ({"alpha": 0.0}, r"alpha is 0\.0")])
def test_settings_out_of_range_are_refused(options, message):
    with pytest.raises(ModelError, match=message):
        LoraConfig(**options)


def test_tensors_of_other_names_or_shapes_are_refused_and_nothing_is_written():
    target = {"a": torch.nn.Parameter(torch.zeros(2)), "b": torch.nn.Parameter(torch.zeros(3))}

    with pytest.raises(ModelError, match=r"the adapter: tensor b is \(4,\), the model's is \(3,\)"):
        copy_tensors(source={"a": torch.ones(2), "b": torch.ones(4)}, target=target, what="the adapter")
    with pytest.raises(ModelError, match="the adapter misses tensor b"):
        copy_tensors(source={"a": torch.ones(2)}, target=target, what="the adapter")
    with pytest.raises(ModelError, match="the adapter has an unknown tensor c"):
        copy_tensors(
            source={"a": torch.ones(2), "b": torch.ones(3), "c": torch.ones(1)}, target=target, what="the adapter"
        )

    assert target["a"].tolist() == [0, 0]
