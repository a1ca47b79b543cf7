"""What a policy writes for, and who writes it: this process or a server."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest
import torch
from factories import make_cast

from alignment.core.backbone import Backbone, LoraConfig
from alignment.core.records import Message
from alignment.core.rollout import sample
from alignment.core.sampling.completion_server import ServerError
from alignment.plans import SamplingConfig
from alignment.requests import fill_queue
from alignment.writing import write
from labeling.models import Completion
from labeling.services.prompts import add_prompts
from tests.completion_peer import completion_peer, vllm
from tests.tiny_models import randomise

pytestmark = pytest.mark.django_db


PROMPTS = [(Message("user", text),) for text in ("hi", "tell me why", "a name")]
SAMPLING = SamplingConfig(completions=2, max_new_tokens=6, temperature=0.7)


def written(backbone, *, adapter, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return write(backbone, PROMPTS, adapter=adapter, sampling=SAMPLING, completions=2, generator=generator)


@pytest.fixture
def backbone(toy_model):
    return Backbone.load(toy_model, device="cpu", lora=LoraConfig(rank=4, alpha=8.0))


@pytest.fixture
def server(settings, small_world, toy_model):
    """A peer that speaks vLLM's API and serves the same base model."""
    there = Backbone.load(toy_model, device="cpu", lora=LoraConfig(rank=4, alpha=8.0))
    with completion_peer(vllm(there, base=str(toy_model))) as peer:
        settings.SAMPLING_SERVER = peer.address
        yield peer


def test_without_a_server_the_worker_samples_itself(small_world, backbone):
    generator = torch.Generator().manual_seed(5)
    expected = sample(
        backbone, PROMPTS, adapter=None, generator=generator, num_completions=2, max_new_tokens=6, temperature=0.7
    )

    assert written(backbone, adapter=None, seed=5) == expected


@pytest.mark.parametrize("adapter", [None, "policy"])
def test_a_server_writes_for_the_base_and_for_adapters_and_log_probabilities_are_computed_here(
    backbone, server, small_world, adapter
):
    backbone.add_adapter("policy")
    randomise(backbone, "policy", std=0.5)

    groups = written(backbone, adapter=adapter)

    assert [len(group) for group in groups] == [2, 2, 2]
    seeds = torch.randint(2**31, (3,), generator=torch.Generator().manual_seed(0)).tolist()
    for prompt, seed, group in zip(PROMPTS, seeds, groups, strict=True):
        for number, each in enumerate(group):
            ((local,),) = sample(
                backbone, [prompt], adapter=adapter, generator=torch.Generator().manual_seed(seed + number),
                max_new_tokens=6, temperature=0.7,
            )  # fmt: skip
            assert replace(each, logprob=None) == replace(local, logprob=None)
            assert each.logprob == pytest.approx(local.logprob, abs=1e-4)
    loaded = [path for path, _ in server.asked if "lora" in path]
    assert loaded == ([] if adapter is None else ["/v1/load_lora_adapter", "/v1/unload_lora_adapter"])


def test_an_adapter_is_unloaded_also_when_the_writing_is_broken_off(backbone, server):
    backbone.add_adapter("policy")
    checks = iter([None])
    generator = torch.Generator().manual_seed(0)

    with pytest.raises(StopIteration):
        write(
            backbone, PROMPTS * 11, adapter="policy", sampling=SAMPLING, completions=2, generator=generator,
            check=lambda: next(checks),
        )  # fmt: skip

    assert server.asked[-1][0] == "/v1/unload_lora_adapter"


def test_what_a_server_writes_goes_into_the_queue_with_its_log_probability(server, transactional_db):
    project = make_cast(num_items=0).project
    add_prompts(project=project, prompts=["Why?", "When?"])

    items = fill_queue(project.pk, device="cpu")

    rows = Completion.objects.filter(prompt__project=project)
    assert items == 2
    assert rows.count() >= 4  # two of each prompt make an item; equal texts are kept once
    assert all(row.logprob is not None and row.logprob < 0 for row in rows)
    assert [path for path, _ in server.asked] == ["/v1/completions"] * 2


def test_a_server_that_is_away_is_an_error_that_names_it(backbone, settings, small_world, monkeypatch):
    monkeypatch.setattr("alignment.core.sampling.completion_server.time.sleep", lambda seconds: None)
    settings.SAMPLING_SERVER = "http://127.0.0.1:9"

    with pytest.raises(ServerError, match=r"127\.0\.0\.1:9/v1/completions failed 5 times.*Start the server"):
        written(backbone, adapter=None)


def test_a_server_that_says_nothing_is_given_up_after_the_time_of_the_settings(backbone, settings, small_world):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connections wait in its backlog for ever
        settings.SAMPLING_SERVER = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings.SAMPLING_SERVER_TIMEOUT = 0.2

        with pytest.raises(ServerError, match=r"said nothing for 0\.2 s: ask .* SAMPLING_SERVER_TIMEOUT of Prefloop"):
            written(backbone, adapter=None)
