from __future__ import annotations

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from alignment.core.backbone import LoraConfig, ModelError
from alignment.core.records import Message
from alignment.core.text import Batch, Template, collate
from tests.tiny_models import randomise


def _batch(template: Template) -> Batch:
    return collate(template.encode((Message("user", "tell me why"),), ["the fox", "a good small red dog"]))


@pytest.mark.parametrize("lora", [LoraConfig(rank=2, alpha=4.0), None])
def test_a_saved_adapter_loads_bit_equal_and_trains_on(load_backbone, tmp_path, lora):
    backbone, other = load_backbone("gpt2", lora=lora), load_backbone("gpt2", lora=lora)
    for name in ("policy", "reward"):
        backbone.add_adapter(name)
        randomise(backbone, name, std=0.05)
    batch = _batch(backbone.template)
    backbone.save_adapter("policy", tmp_path / "policy")

    other.load_adapter("past/3", tmp_path / "policy")

    with backbone.inference("policy"), other.inference("past/3"):
        assert torch.equal(other.logprobs(batch), backbone.logprobs(batch))
    assert other.adapters == ("past/3",)  # the one asked for, not the reward adapter beside it
    assert all(parameter.requires_grad for parameter in other.parameters("past/3"))


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")  # peft's own
def test_a_saved_lora_adapter_opens_with_peft_on_the_same_base(tiny_backbone, tmp_path):
    tiny_backbone.add_adapter("policy")
    randomise(tiny_backbone, "policy")
    tiny_backbone.save_adapter("policy", tmp_path / "policy")
    row = tiny_backbone.template.encode((Message("user", "hi"),), ["x"])[0]
    with tiny_backbone.inference("policy"):
        expected = tiny_backbone.logits(tiny_backbone.states(collate([row])))

    base = AutoModelForCausalLM.from_pretrained(tiny_backbone.folder)
    opened = PeftModel.from_pretrained(base, str(tmp_path / "policy")).eval()

    with torch.no_grad():
        logits = opened(torch.tensor([[*row.prompt_ids, *row.completion_ids]])).logits[0]
    torch.testing.assert_close(logits, expected, atol=1e-5, rtol=0)


def test_an_adapter_of_another_base_is_refused(load_backbone, tmp_path):
    backbone, other = load_backbone("gpt2"), load_backbone("llama")
    backbone.add_adapter("policy")
    backbone.save_adapter("policy", tmp_path / "policy")

    with pytest.raises(ModelError, match=f"trained on base {backbone.digest[:12]}, this is base {other.digest[:12]}"):
        other.load_adapter("policy", tmp_path / "policy")

    assert other.adapters == ()


def test_an_adapter_cut_short_is_refused_and_nothing_of_it_stays(tiny_backbone, load_backbone, tmp_path):
    tiny_backbone.add_adapter("policy")
    tiny_backbone.save_adapter("policy", tmp_path / "policy")
    weights = tmp_path / "policy" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-20])
    other = load_backbone("gpt2")

    with pytest.raises(ModelError, match=r"adapter_model.safetensors is missing or cut short; train or save"):
        other.load_adapter("policy", tmp_path / "policy")

    assert other.adapters == ()


def test_a_lora_adapter_is_refused_where_whole_models_are_trained(tiny_backbone, load_backbone, tmp_path):
    tiny_backbone.add_adapter("policy")
    tiny_backbone.save_adapter("policy", tmp_path / "policy")

    with pytest.raises(ModelError, match="is a LoRA adapter; load the backbone with lora="):
        load_backbone("gpt2", lora=None).load_adapter("policy", tmp_path / "policy")
