from __future__ import annotations

import logging
from typing import Any

import pytest
import torch

from alignment.core.config import DirectConfig, PPOConfig, PreferenceModelConfig, RewardModelConfig, TrainerConfig
from alignment.core.methods.direct import Direct
from alignment.core.methods.forward import logprobs_by_token
from alignment.core.methods.ppo import PPO
from alignment.core.methods.preference_model import PreferenceModel
from alignment.core.methods.reward_model import RewardModel
from alignment.core.records import Demonstration, Judgement, Message
from alignment.core.rollout import LocalSampler, sample
from alignment.core.running.memory import Allowance, watched
from alignment.core.sampling.draws import SamplingSettings
from alignment.core.trainer import train
from tests.tiny_models import randomise

PROMPTS = [(Message("user", text),) for text in ("hi", "tell me why", "what is a good name for a boat", "so")]
TEXTS = ("a fox", "the lazy dog jumps over it", "why")


class Memory:
    """Lets the model of a backbone run out of memory above so many tokens in a forward pass."""

    def __init__(self, backbone, *, tokens):
        self.tokens, self.failed, self.largest = tokens, 0, 0
        backbone.decoder().register_forward_pre_hook(self._look, with_kwargs=True)

    def _look(self, module, args, kwargs):
        used = kwargs["input_ids"].numel()
        if used > self.tokens:
            self.failed += 1
            raise torch.OutOfMemoryError(f"CUDA out of memory: {used} tokens")
        self.largest = max(self.largest, used)


@pytest.fixture
def trained(tiny_backbone):
    tiny_backbone.add_adapter("policy")
    randomise(tiny_backbone, "policy")
    return tiny_backbone


def encoded(backbone):
    return [each for prompt in PROMPTS for each in backbone.template.encode(prompt, TEXTS)]


def written(backbone, **options: Any):
    settings: dict[str, Any] = {"adapter": "policy", "num_completions": 5, "max_new_tokens": 7} | options
    samples = sample(backbone, PROMPTS, generator=torch.Generator().manual_seed(1), **settings)
    return [[one.ids for one in of_prompt] for of_prompt in samples]


def test_sampling_goes_on_with_fewer_rows_and_writes_the_same(trained, caplog):
    expected = written(trained)
    memory = Memory(trained, tokens=90)

    with watched() as halvings:
        found = written(trained)

    assert found == expected
    assert memory.failed > 0
    assert halvings.amounts == {"out_of_memory/sampling_rows": trained.allowances.sampling.amount}
    assert f"sampling goes on with {trained.allowances.sampling.amount} rows in a forward pass" in caplog.text
    failed = memory.failed
    assert written(trained) == expected
    assert memory.failed == failed  # it remembers


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 64])
def test_what_is_written_does_not_depend_on_how_much_is_written_at_once(trained, rows):
    assert written(trained, max_rows=rows) == written(trained, max_rows=20)


def test_a_completion_does_not_depend_on_those_beside_it(trained):
    alone = written(trained, num_completions=1)

    assert [completions[0] for completions in written(trained)] == [completions[0] for completions in alone]


def test_rows_named_for_a_sampler_are_halved_too(trained):
    sampler = LocalSampler(trained, "policy", max_rows=16)
    settings = SamplingSettings(num_completions=4, max_new_tokens=3)
    expected = sampler.sample(PROMPTS, settings=settings, generator=torch.Generator().manual_seed(1))
    Memory(trained, tokens=45)

    found = sampler.sample(PROMPTS, settings=settings, generator=torch.Generator().manual_seed(1))

    assert [[one.ids for one in row] for row in found] == [[one.ids for one in row] for row in expected]
    assert trained.allowances.sampling.amount == 64


def test_scoring_goes_on_with_fewer_tokens_and_finds_the_same(trained, caplog):
    rewards = RewardModel(trained, RewardModelConfig(members=2))
    preference = PreferenceModel(trained, PreferenceModelConfig())
    of = encoded(trained)
    passes = {
        "logprobs": lambda: torch.cat(logprobs_by_token(trained, of, adapter="policy")),
        "rewards": lambda: rewards.score(of),
        "preferences": lambda: preference.compare(of[1:3], of[:2]),
    }
    expected = {name: compute() for name, compute in passes.items()}
    memory = Memory(trained, tokens=100)

    found = {name: compute() for name, compute in passes.items()}

    assert memory.failed > 0
    assert memory.largest <= 100
    for name, values in expected.items():
        torch.testing.assert_close(found[name], values, atol=1e-5, rtol=0)
    assert caplog.text.count("out of memory: scoring goes on with") == memory.failed


def ppo(backbone, *, memory=None, **settings):
    even = lambda encoded: torch.tensor([float(sum(t % 2 == 0 for t in e.completion_ids)) for e in encoded])  # noqa: E731
    shown = [Demonstration(prompt, "a good name") for prompt in PROMPTS]
    config = PPOConfig(max_new_tokens=6, completions_per_prompt=3, epochs=2, ptx_weight=0.1)
    method = PPO(backbone, config, reward=even, demonstrations=shown)
    if memory is not None:
        memory(backbone)
    result = train(method, PROMPTS, TrainerConfig(steps=2, batch_size=4, lr=5e-3, **settings))
    return {**backbone.named_parameters("policy"), **backbone.named_parameters("value")}, result


def test_a_whole_run_of_ppo_gives_the_same_weights_and_says_what_it_went_on_with(load_backbone, caplog):
    plenty, plenty_result = ppo(load_backbone())
    caplog.set_level(logging.WARNING)

    scarce, result = ppo(load_backbone(), memory=lambda backbone: Memory(backbone, tokens=80))

    for name, tensor in plenty.items():
        torch.testing.assert_close(scarce[name], tensor, atol=1e-5, rtol=0)
    assert not [name for name in plenty_result.metrics if name.startswith("out_of_memory/")]
    for name in ("learning_tokens", "scoring_tokens", "sampling_rows"):
        assert 0 < result.history[0][f"out_of_memory/{name}"] <= 80
        assert result.metrics[f"out_of_memory/{name}"] == result.history[0][f"out_of_memory/{name}"]
    for name in ("learning", "scoring", "sampling"):
        assert f"out of memory: {name} goes on with" in caplog.text


def test_nothing_is_halved_where_that_is_forbidden(load_backbone):
    with pytest.raises(torch.OutOfMemoryError, match=r"sampling ran out of memory with 12 rows.*smaller model"):
        ppo(load_backbone(), memory=lambda backbone: Memory(backbone, tokens=80), halve_when_out_of_memory=False)


@pytest.mark.parametrize("part", ["direct", "scoring", "sampling"])
def test_one_example_that_is_too_much_is_an_error_with_a_remedy(trained, part):
    judged = [Judgement(prompt=prompt, completions=TEXTS, ranks=(1, 2, 3)) for prompt in PROMPTS]
    attempts = {
        "direct": lambda: train(Direct(trained, DirectConfig()), judged, TrainerConfig(steps=1)),
        "scoring": lambda: logprobs_by_token(trained, encoded(trained), adapter=None),
        "sampling": lambda: written(trained),
    }
    Memory(trained, tokens=5)

    with pytest.raises(torch.OutOfMemoryError, match=r"and one example in it; use a smaller model, shorter"):
        attempts[part]()


@pytest.mark.parametrize(
    ("error", "halved"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
            True,
        ),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_every_way_to_say_that_memory_ran_out_is_understood_and_nothing_else(error, halved):
    def work(items):
        if len(items) > 1:
            raise error
        return items

    allowance = Allowance("counting", "points", 4)

    if not halved:
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            allowance.in_parts([1, 2], fit=lambda rest, most: min(most, len(rest)), size=len, work=work)
        return
    assert allowance.in_parts([1, 2], fit=lambda rest, most: min(most, len(rest)), size=len, work=work) == [1, 2]
    assert allowance.amount == 1


def test_an_allowance_does_the_failed_part_again_and_no_other():
    done: list[list[int]] = []

    def work(items):
        if sum(items) > 6:
            raise torch.OutOfMemoryError
        done.append(list(items))
        return [item * 10 for item in items]

    allowance = Allowance("counting", "points", 12)
    results = allowance.in_parts(
        [1, 2, 3, 4, 5, 6], fit=lambda rest, most: most if most <= len(rest) else len(rest), size=sum, work=work
    )

    assert results == [10, 20, 30, 40, 50, 60]
    assert [item for part in done for item in part] == [1, 2, 3, 4, 5, 6]
