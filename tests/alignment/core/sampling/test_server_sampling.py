"""Sampling from a peer that speaks vLLM's API with a real model behind it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from alignment.core.backbone import Backbone, LoraConfig
from alignment.core.config import ReinforceConfig, TrainerConfig
from alignment.core.methods.reinforce import Reinforce
from alignment.core.records import Message
from alignment.core.rollout import LocalSampler
from alignment.core.sampling.completion_server import CompletionServer, ServerError
from alignment.core.sampling.draws import SamplingSettings
from alignment.core.sampling.server_sampling import ServedAdapter, ServerSampler
from alignment.core.trainer import train
from tests.completion_peer import completion_peer, vllm
from tests.tiny_models import LETTERS_VOCABULARY, build_letters_tokenizer, randomise, save_model

PROMPTS = [(Message("user", text),) for text in ("hi", "tell me why", "a name")]
SETTINGS = SamplingSettings(num_completions=3, max_new_tokens=6)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def letters_folder(tmp_path_factory) -> Path:
    """A tiny Llama whose every text has one tokenization."""
    place = tmp_path_factory.mktemp("served") / "letters"
    return save_model(place, architecture="llama", tokenizer=build_letters_tokenizer(), vocabulary=LETTERS_VOCABULARY)


@pytest.fixture(scope="module")
def backbone(letters_folder) -> Backbone:
    return Backbone.load(letters_folder, device="cpu", lora=LoraConfig(rank=4, alpha=8.0))


@pytest.mark.parametrize("honours_n", [True, False])
def test_completions_come_in_the_order_of_prompts_and_seeds_however_many_a_request_gives(backbone, honours_n):
    with completion_peer(vllm(backbone, honours_n=honours_n)) as peer:
        sampler = ServerSampler(CompletionServer(peer.address), "base", backbone.template)

        samples = sampler.sample(PROMPTS, settings=SETTINGS, generator=seeded())

        requests = [body for path, body in peer.asked]
    seeds = torch.randint(2**31, (3,), generator=seeded()).tolist()
    for prompt, seed, completions in zip(PROMPTS, seeds, samples, strict=True):
        local = LocalSampler(backbone, None)
        one = replace(SETTINGS, num_completions=1)
        expected = [local.sample([prompt], settings=one, generator=seeded(seed + k))[0][0] for k in range(3)]
        assert completions == [replace(each, logprob=None) for each in expected]
    assert len(requests) == (3 if honours_n else 9)


def test_requests_are_sent_together_and_no_more_than_allowed(backbone):
    def slowly(path, body):
        time.sleep(0.1)
        return 200, {"choices": [{"index": 0, "token_ids": [5, 0], "finish_reason": "stop"}]}

    with completion_peer(slowly) as peer:
        sampler = ServerSampler(CompletionServer(peer.address), "base", backbone.template, concurrency=3)

        samples = sampler.sample(PROMPTS * 3, settings=replace(SETTINGS, num_completions=1), generator=seeded())

        assert peer.most_at_once == 3
    assert [len(completions) for completions in samples] == [1] * 9


def test_greedy_is_asked_for_once_and_given_as_often_as_wanted(backbone):
    with completion_peer(vllm(backbone)) as peer:
        sampler = ServerSampler(CompletionServer(peer.address), "base", backbone.template)

        (samples,) = sampler.sample(PROMPTS[:1], settings=replace(SETTINGS, temperature=0.0), generator=seeded())

        assert [body["n"] for _, body in peer.asked] == [1]
    assert len(samples) == 3
    assert len({each.ids for each in samples}) == 1


def test_an_unknown_model_is_an_error_that_names_it_and_the_rest_is_not_asked_for(backbone):
    with completion_peer(vllm(backbone)) as peer:
        sampler = ServerSampler(CompletionServer(peer.address), "policy-9", backbone.template, concurrency=1)

        with pytest.raises(
            ServerError, match=rf"{peer.address}/v1/completions refuses.*404.*`policy-9` does not exist"
        ):
            sampler.sample(PROMPTS * 10, settings=SETTINGS, generator=seeded())

        assert len(peer.asked) < 5


@pytest.mark.parametrize(
    ("choices", "error"),
    [
        ([], "gave 0 completions instead of 1"),
        ([{"token_ids": [5, 0], "finish_reason": "stop"}] * 2, "gave 2 completions instead of 1"),
        ([{"text": "x", "finish_reason": "stop"}], "gave no token ids: use vLLM"),
    ],
)
def test_an_answer_that_cant_be_used_names_the_model_and_the_server(backbone, choices, error):
    with completion_peer(lambda path, body: (200, {"choices": choices})) as peer:
        sampler = ServerSampler(CompletionServer(peer.address), "base", backbone.template)
        settings = replace(SETTINGS, num_completions=1)

        with pytest.raises(ServerError, match=rf"model 'base' at {peer.address} {error}"):
            sampler.sample(PROMPTS[:1], settings=settings, generator=seeded())


def test_no_room_for_a_prompt_is_refused_as_by_the_local_sampler(backbone):
    sampler = ServerSampler(CompletionServer("http://127.0.0.1:9"), "base", backbone.template)

    with pytest.raises(ValueError, match=r"max_new_tokens is 96.*no room is left"):
        sampler.sample(PROMPTS, settings=replace(SETTINGS, max_new_tokens=96), generator=seeded())


def test_an_unknown_dialect_is_refused(backbone):
    nowhere = CompletionServer("http://127.0.0.1:9")

    with pytest.raises(ValueError, match="dialect is 'tgi'; give one of vllm, transformers"):
        ServerSampler(nowhere, "base", backbone.template, dialect="tgi")  # type: ignore[arg-type]  # on purpose


def test_an_adapter_is_brought_to_the_server_when_its_weights_change_and_only_then(letters_folder, tmp_path):
    here = Backbone.load(letters_folder, device="cpu", lora=LoraConfig(rank=4, alpha=8.0))
    there = Backbone.load(letters_folder, device="cpu", lora=LoraConfig(rank=4, alpha=8.0))
    here.add_adapter("policy")
    greedy = replace(SETTINGS, temperature=0.0, num_completions=1)
    with completion_peer(vllm(there)) as peer:
        sampler = ServedAdapter(CompletionServer(peer.address), here, "policy", base_model="base", folder=tmp_path)
        paths: list[list[str]] = []
        for change in (0.5, 0.0, 0.5):
            randomise(here, "policy", seed=len(paths), std=change)
            peer.asked.clear()

            samples = sampler.sample(PROMPTS, settings=greedy, generator=seeded())

            paths.append([path for path, _ in peer.asked if path != "/v1/completions"])
            local = LocalSampler(here, "policy").sample(PROMPTS, settings=greedy, generator=seeded())
            assert samples == [[replace(each, logprob=None) for each in row] for row in local]
        assert len(list(tmp_path.iterdir())) == 1
        peer.asked.clear()
        sampler.close()

        load, unload = "/v1/load_lora_adapter", "/v1/unload_lora_adapter"
        assert paths == [[load], [], [load, unload]]
        assert [path for path, _ in peer.asked] == [unload]
    assert list(tmp_path.iterdir()) == []


def test_a_policy_gradient_samples_each_step_from_the_policy_as_it_then_is(letters_folder, tmp_path):
    here = Backbone.load(letters_folder, device="cpu", lora=LoraConfig(rank=4, alpha=8.0))
    there = Backbone.load(letters_folder, device="cpu", lora=LoraConfig(rank=4, alpha=8.0))
    here.add_adapter("policy")
    randomise(here, "policy", std=0.5)
    config = ReinforceConfig(completions_per_prompt=2, max_new_tokens=6, epochs=2)
    sampled = []
    with completion_peer(vllm(there)) as peer:
        served = ServedAdapter(CompletionServer(peer.address), here, "policy", base_model="base", folder=tmp_path)

        class Checked:
            """The server's completions, beside what the policy of this moment would write for the same seeds."""

            def sample(self, prompts, *, settings, generator):
                seeds = torch.randint(2**31, (len(prompts),), generator=generator.clone_state()).tolist()
                written = served.sample(prompts, settings=settings, generator=generator)
                local = LocalSampler(here, "policy")
                one = replace(settings, num_completions=1)
                for prompt, seed, row in zip(prompts, seeds, written, strict=True):
                    own = [local.sample([prompt], settings=one, generator=seeded(seed + k))[0][0] for k in range(2)]
                    sampled.append((row, [replace(each, logprob=None) for each in own]))
                return written

        method = Reinforce(here, config, reward=lambda rows: torch.arange(len(rows)).float(), sampler=Checked())
        train(method, PROMPTS, TrainerConfig(steps=3, batch_size=2, lr=0.05))

        loaded = [body["lora_name"] for path, body in peer.asked if path == "/v1/load_lora_adapter"]
    assert len(set(loaded)) == 3
    assert len(sampled) == 6
    assert all(row == own for row, own in sampled)


def test_a_full_copy_is_not_brought_to_the_server_as_an_adapter(letters_folder, tmp_path):
    whole = Backbone.load(letters_folder, device="cpu", lora=None)
    whole.add_adapter("policy")
    with completion_peer(lambda path, body: (200, "Success")) as peer:
        sampler = ServedAdapter(CompletionServer(peer.address), whole, "policy", base_model="base", folder=tmp_path)

        with pytest.raises(ServerError, match=r"full copy of the weights.*serve it as a model"):
            sampler.sample(PROMPTS, settings=SETTINGS, generator=seeded())

        assert peer.asked == []


def test_a_server_that_is_away_at_the_end_is_warned_about(letters_folder, tmp_path, caplog):
    there = Backbone.load(letters_folder, device="cpu", lora=LoraConfig(rank=4, alpha=8.0))
    there.add_adapter("policy")
    with completion_peer(vllm(there)) as peer:
        server = CompletionServer(peer.address, attempts=1)
        sampler = ServedAdapter(server, there, "policy", base_model="base", folder=tmp_path)
        sampler.sample(PROMPTS[:1], settings=SETTINGS, generator=seeded())

    sampler.close()

    assert "keeps the adapter policy-" in caplog.text


def test_a_server_that_loads_no_adapters_is_an_error_that_says_how_to_start_it(backbone, tmp_path):
    def refusing(path, body):
        return (200, {"data": [{"id": "base"}]}) if path == "/v1/models" else (404, {"detail": "Not Found"})

    if "refused" not in backbone.adapters:
        backbone.add_adapter("refused")
    with completion_peer(refusing) as peer:
        sampler = ServedAdapter(CompletionServer(peer.address), backbone, "refused", base_model="base", folder=tmp_path)

        with pytest.raises(ServerError, match=r"did not load the adapter .*--enable-lora"):
            sampler.sample(PROMPTS, settings=SETTINGS, generator=seeded())
