from __future__ import annotations

import gc
from typing import get_args

import pytest
import torch
from transformers import AutoModelForCausalLM

from alignment.core.backbone import Backbone, ModelError
from alignment.core.heads import ScalarHead
from alignment.core.records import Message
from alignment.core.text import Batch, Encoded, Layout, Side, Template, collate
from tests.tiny_models import ARCHITECTURES, randomise, save_model


def _prompt(text: str) -> tuple[Message, ...]:
    return (Message("user", text),)


def _rows(template: Template) -> list[Encoded]:
    """Completions of several prompts and lengths, an empty one among them."""
    return [
        *template.encode(_prompt("tell me why"), ["the fox", "", "a good small red dog"]),
        *template.encode(_prompt("hi"), ["x", "why"]),
        *template.encode(_prompt("what is a name for a boat"), ["quick"]),
    ]


LAYOUTS = [("one_row", "right"), *((a, b) for a in get_args(Layout)[:3] for b in get_args(Side))]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_row_has_the_same_logprobs_and_reward_alone_and_in_every_layout(load_backbone, architecture, attention):
    backbone = load_backbone(architecture, attention=attention)
    backbone.add_adapter("policy")
    randomise(backbone, "policy")
    head = ScalarHead(backbone.hidden_size, seed=0)
    rows = _rows(backbone.template)

    with backbone.inference("policy"):
        alone = [(backbone.logprobs(collate([row]))[0], head(backbone.last_hidden(collate([row])))[0]) for row in rows]
        # EOS as padding: pad == eos may not matter
        batches = [collate(rows, layout=layout, side=side, pad_id=backbone.eos_id) for layout, side in LAYOUTS]
        results = [(backbone.logprobs(batch), head(backbone.last_hidden(batch))) for batch in batches]

    for batch, (logprobs, rewards) in zip(batches, results, strict=True):
        for number, (expected, reward) in enumerate(alone):
            real = batch.mask[number]
            torch.testing.assert_close(logprobs[number][real], expected, atol=1e-5, rtol=0)
            torch.testing.assert_close(rewards[number], reward, atol=1e-5, rtol=0)
            assert (logprobs[number][~real] == 0).all()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_logprobs_are_those_of_the_plain_model(load_backbone, architecture):
    backbone = load_backbone(architecture)
    row = backbone.template.encode(_prompt("tell me why"), ["a good fox"])[0]

    with backbone.inference(None):
        logprobs = backbone.logprobs(collate([row]), temperature=0.7)[0]

    plain = AutoModelForCausalLM.from_pretrained(backbone.folder)
    with torch.no_grad():
        logits = plain(torch.tensor([[*row.prompt_ids, *row.completion_ids]])).logits[0] / 0.7
    start = len(row.prompt_ids)
    expected = [(logits[start + j - 1].log_softmax(-1))[token].item() for j, token in enumerate(row.completion_ids)]
    torch.testing.assert_close(logprobs, torch.tensor(expected), atol=1e-5, rtol=0)


@pytest.mark.parametrize("layout", ["padded", "shared_prefix", "one_row"])
def test_gradients_are_the_same_in_every_layout(tiny_backbone, layout):
    tiny_backbone.add_adapter("policy")
    randomise(tiny_backbone, "policy")
    rows = _rows(tiny_backbone.template)

    with tiny_backbone.adapter("policy"):
        one_by_one = [_gradients(tiny_backbone, collate([row])) for row in rows]
        together = _gradients(tiny_backbone, collate(rows, layout=layout, side="left"))

    for number, gradient in enumerate(together):
        expected = sum(gradients[number] for gradients in one_by_one)
        torch.testing.assert_close(gradient, expected, atol=2e-4, rtol=2e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_fresh_adapter_is_the_base_bit_for_bit_and_so_are_switching_off_and_a_copy(load_backbone, architecture):
    backbone = load_backbone(architecture)
    batch = collate(_rows(backbone.template))
    with backbone.inference(None):
        bare = backbone.logprobs(batch)
    backbone.add_adapter("policy")
    with backbone.inference("policy"):
        fresh = backbone.logprobs(batch)
    randomise(backbone, "policy")
    backbone.add_adapter("past/1.0", copy_from="policy")

    with backbone.inference("policy"):
        changed = backbone.logprobs(batch)
        with backbone.adapter(None):
            reference = backbone.logprobs(batch)
        back = backbone.logprobs(batch)
    with backbone.inference("past/1.0"):
        copied = backbone.logprobs(batch)

    assert torch.equal(fresh, bare)
    assert (changed - bare).abs().max() > 0.01
    assert torch.equal(reference, bare)
    assert torch.equal(back, changed)
    assert torch.equal(copied, changed)


def test_a_copied_adapter_does_not_follow_its_source(tiny_backbone):
    tiny_backbone.add_adapter("policy")
    tiny_backbone.add_adapter("past/1", copy_from="policy")

    randomise(tiny_backbone, "policy")

    for policy, past in zip(tiny_backbone.parameters("policy"), tiny_backbone.parameters("past/1"), strict=True):
        assert not torch.equal(policy, past)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_backward_pass_after_a_switch_has_the_right_gradients(load_backbone, checkpointing):
    # peft alone drops them after a switch, or, with gradient checkpointing, computes them with the wrong adapter.
    backbone = load_backbone("llama", gradient_checkpointing=checkpointing)
    for seed, name in enumerate(("policy", "value")):
        backbone.add_adapter(name)
        randomise(backbone, name, seed=seed)
    batch = collate(_rows(backbone.template))
    with backbone.adapter("policy"):
        expected = _gradients(backbone, batch)

    with backbone.adapter("policy"):
        loss = -backbone.logprobs(batch).sum()
    with backbone.adapter("value"):
        backbone.hidden(batch).sum().backward()
        loss.backward()

    for parameter, gradient in zip(backbone.parameters("policy"), expected, strict=True):
        torch.testing.assert_close(parameter.grad, -gradient)
    assert all(parameter.grad is not None for parameter in backbone.parameters("value"))


def test_gradient_checkpointing_recomputes_the_layers_and_changes_no_number(load_backbone):
    plain, checkpointed = (load_backbone("gpt2", gradient_checkpointing=on) for on in (False, True))
    results, calls = [], []
    for backbone in (plain, checkpointed):
        backbone.add_adapter("policy", seed=3)
        randomise(backbone, "policy")
        count = [0]
        backbone.decoder().h[0].ln_1.register_forward_hook(lambda *_, count=count: count.__setitem__(0, count[0] + 1))
        with backbone.adapter("policy"):
            results.append(_gradients(backbone, collate(_rows(backbone.template))))
        calls.append(count[0])

    assert calls == [1, 2]
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_dropout_of_the_checkpoint_is_off_while_training(load_backbone):
    backbone = load_backbone("gpt2", gradient_checkpointing=True)  # trains in train mode
    backbone.add_adapter("policy")
    batch = collate(_rows(backbone.template))

    with backbone.adapter("policy"):
        first, second = backbone.logprobs(batch), backbone.logprobs(batch)

    assert torch.equal(first, second)


def test_the_adapter_before_is_active_again_also_after_an_error(tiny_backbone):
    tiny_backbone.add_adapter("policy")
    tiny_backbone.add_adapter("reward")

    with tiny_backbone.adapter("policy"):
        with pytest.raises(RuntimeError, match="stop"), tiny_backbone.adapter("reward"):
            raise RuntimeError("stop")

        assert tiny_backbone.active == "policy"
    assert tiny_backbone.active is None


def test_only_the_adapter_trains_and_in_float32_over_a_bfloat16_base(load_backbone):
    backbone = load_backbone("llama", dtype="bfloat16")
    backbone.add_adapter("policy")
    before = {name: tensor.clone() for name, tensor in backbone.decoder().state_dict().items() if "lora" not in name}
    optimizer = torch.optim.SGD(backbone.parameters("policy"), lr=1e-4)

    steps = []
    for _ in range(2):
        with backbone.adapter("policy"):
            (-backbone.logprobs(collate(_rows(backbone.template))).mean()).backward()
        start = [parameter.detach().clone() for parameter in backbone.parameters("policy")]
        optimizer.step()
        steps.append(
            max((p - old).abs().max().item() for p, old in zip(optimizer.param_groups[0]["params"], start, strict=True))
        )

    assert {parameter.dtype for parameter in backbone.parameters("policy")} == {torch.float32}
    assert min(steps) > 0  # in bfloat16 a weight of 1 plus 1e-3 is still 1
    for name, tensor in backbone.decoder().state_dict().items():
        if "lora" not in name:
            assert torch.equal(tensor, before[name])
            assert tensor.dtype == torch.bfloat16


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_full_fine_tuning_trains_a_float32_copy_and_keeps_the_reference(load_backbone, dtype):
    backbone = load_backbone("gpt2", lora=None, dtype=dtype)
    batch = collate(_rows(backbone.template), layout="shared_prefix")
    backbone.add_adapter("policy")
    with backbone.inference(None):
        reference = backbone.logprobs(batch)
    optimizer = torch.optim.SGD(backbone.parameters("policy"), lr=1e-3)

    with backbone.adapter("policy"):
        start = backbone.logprobs(batch)
        (-start.sum()).backward()
    optimizer.step()

    with backbone.inference(None):
        assert torch.equal(backbone.logprobs(batch), reference)
    with backbone.inference("policy"):
        assert backbone.logprobs(batch).sum() > start.sum()
    assert {parameter.dtype for parameter in backbone.parameters("policy")} == {torch.float32}
    torch.testing.assert_close(start.detach(), reference, atol=1e-6 if dtype == "float32" else 1.0, rtol=0)


def test_logprobs_in_chunks_equal_those_at_once_with_their_gradients(load_backbone):
    rows_at_once, chunked = (load_backbone("gpt2", max_logits=limit) for limit in (2**24, 320 * 3))
    results = []
    for backbone in (rows_at_once, chunked):
        backbone.add_adapter("policy")
        randomise(backbone, "policy")
        with backbone.adapter("policy"):
            results.append(_gradients(backbone, collate(_rows(backbone.template))))

    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda b: b.add_adapter("policy"), "there is an adapter 'policy' already"),
        (lambda b: b.add_adapter(""), "an adapter needs a name"),
        (lambda b: b.add_adapter("new", copy_from="olicy"), "no adapter 'olicy'; there are: policy"),
        (lambda b: b.parameters("value"), "no adapter 'value'"),
        (lambda b: b.adapter("value").__enter__(), "no adapter 'value'"),
        (lambda b: b.load_adapter("new", b.folder), "is no adapter: prefloop.json is missing"),
        (lambda b: b.load_parameters("policy", {}), "misses tensor"),
    ],
)
def test_a_wrong_adapter_name_is_named(tiny_backbone, action, message):
    tiny_backbone.add_adapter("policy")

    with pytest.raises(ModelError, match=message):
        action(tiny_backbone)


def test_temperature_zero_has_no_logprobs(tiny_backbone):
    with pytest.raises(ValueError, match=r"temperature is 0\.0"):
        tiny_backbone.logprobs(collate(_rows(tiny_backbone.template)), temperature=0.0)


@pytest.mark.parametrize("device", ["gpu", "cpu:x", "xpu:3"])
def test_a_device_that_is_not_there_is_refused(load_backbone, device):
    with pytest.raises(ModelError, match=f"device is '{device}' and there is no such device here; give one of cpu"):
        load_backbone(device=device)


def test_cuda_where_there_is_none_is_refused(load_backbone, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(ModelError, match="device is 'cuda' and there is no CUDA here; give device='cpu'"):
        load_backbone("gpt2", device="cuda")


def test_padding_is_never_the_end_of_a_completion(load_backbone):
    assert load_backbone("gpt2").pad_id != load_backbone("gpt2").eos_id


def test_windowed_attention_refuses_packed_rows_beyond_its_window(tmp_path):
    folder = save_model(tmp_path / "model", architecture="mistral", sliding_window=8, head_dim=8, num_key_value_heads=2)
    backbone = Backbone.load(folder, device="cpu")
    rows = backbone.template.encode(_prompt("tell me why"), ["the fox", "a"])

    padded = backbone.logprobs(collate(rows))

    with pytest.raises(ModelError, match="windows of 8 tokens, which packed rows can't express; use layout='padded'"):
        backbone.logprobs(collate(rows, layout="shared_prefix"))
    assert torch.isfinite(padded).all()


def _gradients(backbone: Backbone, batch: Batch) -> list[torch.Tensor]:
    """Gradients of the sum of all log-probabilities by the active adapter."""
    parameters = backbone.parameters(str(backbone.active))
    return list(torch.autograd.grad(backbone.logprobs(batch).sum(), parameters))


def test_full_copies_with_gradient_checkpointing_copy_the_model_and_nothing_else(load_backbone):
    backbone = load_backbone(lora=None, gradient_checkpointing=True)
    kind = type(backbone.decoder())
    before = _alive(kind)

    backbone.add_adapter("policy")
    backbone.add_adapter("value")

    # The model holds on to its backbone for the recomputation; a copy of that held a copy of every other model.
    assert _alive(kind) - before == 2


def _alive(kind):
    gc.collect()
    return sum(type(each) is kind for each in gc.get_objects())
