from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
import torch

from alignment.core.records import Message
from alignment.core.rollout import GeometricMixture, LocalSampler, Sampled, best_of_n, sample
from alignment.core.sampling.draws import SamplingSettings
from alignment.core.text import collate
from tests.tiny_models import ARCHITECTURES, CONTEXT, randomise

PROMPTS = [(Message("user", text),) for text in ("hi", "tell me why", "what is a good name for a boat")]


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_sampled_logprob_is_the_one_that_training_computes(load_backbone, architecture):
    backbone = load_backbone(architecture)
    backbone.add_adapter("policy")
    randomise(backbone, "policy")

    samples = sample(
        backbone, PROMPTS, adapter="policy", num_completions=3, max_new_tokens=12, temperature=0.7, generator=_seeded()
    )

    rows = [one for of_prompt in samples for one in of_prompt]
    with backbone.inference("policy"):
        recomputed = backbone.logprobs(
            collate([one.encoded() for one in rows], layout="shared_prefix"), temperature=0.7
        )
    expected = torch.tensor([one.logprob for one in rows])
    torch.testing.assert_close(recomputed.sum(dim=1), expected, atol=1e-4, rtol=0)
    assert [len(of_prompt) for of_prompt in samples] == [3, 3, 3]
    assert len({one.ids for one in rows}) > 3  # draws, not one completion copied


def test_the_same_seed_gives_the_same_completions_and_another_seed_others(tiny_backbone):
    settings: dict[str, Any] = {"adapter": None, "num_completions": 2, "max_new_tokens": 8}

    first, again, other = (
        [[one.ids for one in row] for row in sample(tiny_backbone, PROMPTS, generator=_seeded(seed), **settings)]
        for seed in (1, 1, 2)
    )

    assert first == again
    assert first != other


def test_no_token_is_beyond_the_samplers_reach_by_default(load_backbone):
    # The mean of 320 near-equal probabilities: generate()'s default of top_k=50 would leave 270 tokens out.
    backbone = load_backbone("gpt2")
    backbone.add_adapter("policy")

    samples = sample(
        backbone, PROMPTS[:1], adapter=None, num_completions=1500, max_new_tokens=1, temperature=50.0,
        generator=_seeded(), max_rows=1500,
    )  # fmt: skip

    assert len({one.ids[0] for one in samples[0]}) > 250


def test_the_first_token_is_drawn_with_the_models_probability(tiny_backbone):
    prompt = tiny_backbone.template.encode_prompt(PROMPTS[0])
    with torch.no_grad():
        states = tiny_backbone.decoder()(input_ids=torch.tensor([prompt])).last_hidden_state[0, -1]
        probabilities = tiny_backbone.logits(states).softmax(dim=-1)

    samples = sample(
        tiny_backbone, PROMPTS[:1], adapter=None, num_completions=4000, max_new_tokens=1, generator=_seeded(),
        max_rows=4000,
    )  # fmt: skip

    counts = torch.bincount(torch.tensor([one.ids[0] for one in samples[0]]), minlength=len(probabilities))
    deviation = (probabilities * (1 - probabilities) / 4000).sqrt()
    assert ((counts / 4000 - probabilities).abs() <= 5 * deviation + 1e-3).all()


def test_a_row_stops_at_its_end_and_the_others_go_on(tiny_backbone):
    # Temperature 30 makes all 320 tokens about equally likely, EOS among them.
    samples = sample(
        tiny_backbone, PROMPTS[:1], adapter=None, num_completions=200, max_new_tokens=16, temperature=30.0,
        generator=_seeded(), max_rows=200,
    )[0]  # fmt: skip

    ended = [one for one in samples if one.ended]
    assert 2 <= len(ended) <= 30  # 200 (1 - (319/320)^16) = 9.8 on average
    assert all(one.ids.count(tiny_backbone.eos_id) == 1 and one.ids[-1] == tiny_backbone.eos_id for one in ended)
    assert all(len(one.ids) == 16 and tiny_backbone.eos_id not in one.ids for one in samples if not one.ended)


def test_what_a_row_draws_does_not_depend_on_which_rows_have_ended(tiny_backbone):
    settings: dict[str, Any] = {"adapter": None, "num_completions": 12, "max_new_tokens": 16, "temperature": 0.7}
    before = [one.ids for row in sample(tiny_backbone, PROMPTS, generator=_seeded(), **settings) for one in row]
    drawn = Counter(token for ids in before for token in set(ids))
    end = drawn.most_common(1)[0][0]

    tiny_backbone.eos_id = end  # an end so likely that rows leave the batch all the time
    after = [one.ids for row in sample(tiny_backbone, PROMPTS, generator=_seeded(), **settings) for one in row]

    assert sum(end in ids for ids in before) > len(before) / 2  # so the batch was made smaller
    assert after == [ids[: ids.index(end) + 1] if end in ids else ids for ids in before]


def test_greedy_takes_the_likeliest_token_at_each_step(tiny_backbone):
    (taken,) = sample(
        tiny_backbone, PROMPTS[1:2], adapter=None, max_new_tokens=6, temperature=0.0, generator=_seeded()
    )[0]

    ids = tiny_backbone.template.encode_prompt(PROMPTS[1])
    expected: list[int] = []
    with torch.no_grad():
        while len(expected) < 6 and tiny_backbone.eos_id not in expected:
            states = tiny_backbone.decoder()(input_ids=torch.tensor([ids + expected])).last_hidden_state[0, -1]
            expected.append(int(tiny_backbone.logits(states).argmax()))
    assert list(taken.ids) == expected


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_a_geometric_mixture_draws_from_the_normalised_product(tiny_backbone, weight):
    tiny_backbone.add_adapter("policy")
    randomise(tiny_backbone, "policy", std=0.3)
    prompt = tiny_backbone.template.encode_prompt(PROMPTS[0])
    row = collate([tiny_backbone.template.encode(PROMPTS[0], [""])[0]])
    logprobs = {}
    for name in ("policy", None):
        with tiny_backbone.inference(name):
            logprobs[name] = tiny_backbone.logits(tiny_backbone.hidden(row))[0, 0].log_softmax(dim=-1)
    assert (logprobs["policy"] - logprobs[None]).abs().max() > 0.1  # the reference is not the policy in disguise
    expected = ((1 - weight) * logprobs["policy"] + weight * logprobs[None]).softmax(dim=-1)

    sampler = LocalSampler(tiny_backbone, "policy", mixture=GeometricMixture(None, weight), max_rows=300)
    settings = SamplingSettings(num_completions=300, max_new_tokens=1)
    samples = sampler.sample(PROMPTS[:1], settings=settings, generator=_seeded())[0]

    for one in samples:
        assert one.logprob == pytest.approx(math.log(expected[one.ids[0]]), abs=1e-4)
    assert samples[0].prompt_ids == tuple(prompt)


def test_a_prompt_that_leaves_no_room_is_cut_and_too_many_new_tokens_are_refused(tiny_backbone):
    long_prompt = [(Message("user", "why " * 100),)]

    (taken,) = sample(tiny_backbone, long_prompt, adapter=None, max_new_tokens=8, generator=_seeded())[0]

    assert len(taken.prompt_ids) == CONTEXT - 8
    with pytest.raises(ValueError, match=f"max_new_tokens is {CONTEXT}.*no room is left"):
        sample(tiny_backbone, PROMPTS, adapter=None, max_new_tokens=CONTEXT, generator=_seeded())


def test_sampling_leaves_the_adapter_and_the_global_random_numbers_as_they_were(tiny_backbone):
    tiny_backbone.add_adapter("policy")
    torch.manual_seed(7)
    before = torch.get_rng_state()

    with tiny_backbone.adapter("policy"):
        sample(tiny_backbone, PROMPTS, adapter=None, max_new_tokens=4, generator=_seeded())

        assert tiny_backbone.active == "policy"
    assert torch.equal(torch.get_rng_state(), before)
    assert all(parameter.requires_grad for parameter in tiny_backbone.parameters("policy"))


def test_best_of_n_takes_the_highest_reward_and_the_first_of_equals():
    samples = [Sampled(text, (1,), True, 0.0, (2,)) for text in "abc"]

    chosen = best_of_n([samples, samples], [[0.1, 0.9, 0.3], [0.5, 0.2, 0.5]])

    assert [(one.text, reward) for one, reward in chosen] == [("b", 0.9), ("a", 0.5)]


def test_best_of_n_refuses_a_reward_that_is_not_a_number():
    samples = [Sampled("a", (1,), True, 0.0, (2,))] * 2

    with pytest.raises(ValueError, match="prompt 0 has a reward that is not a number"):
        best_of_n([samples], [[1.0, math.nan]])
