"""Sampling from a real `transformers serve` that this file starts and stops."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
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
from alignment.core.sampling.server_sampling import ServerSampler
from alignment.core.trainer import train
from tests.tiny_models import LETTERS_VOCABULARY, build_letters_tokenizer, save_model

pytestmark = pytest.mark.slow

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


@pytest.fixture(scope="module")
def transformers_serve(tmp_path_factory):
    """A real `transformers serve`, which loads models by folder; its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve", "--host", "127.0.0.1"]
    log = tmp_path_factory.mktemp("serve") / "log"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--device", "cpu"], stdout=output, stderr=output, env=environment
        )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def served(transformers_serve, letters_folder, backbone) -> ServerSampler:
    server = CompletionServer(transformers_serve, timeout_seconds=60)
    return ServerSampler(server, str(letters_folder), backbone.template, dialect="transformers", concurrency=1)


def test_transformers_serve_writes_greedily_what_the_local_sampler_writes(served, backbone):
    settings = replace(SETTINGS, temperature=0.0, num_completions=2, max_new_tokens=20)

    samples = served.sample(PROMPTS, settings=settings, generator=seeded())

    local = LocalSampler(backbone, None).sample(PROMPTS, settings=settings, generator=seeded())
    assert samples == [[replace(each, logprob=None) for each in row] for row in local]


def test_transformers_serve_draws_the_same_for_the_same_seed_and_ends_where_eos_is(served, backbone):
    settings = SamplingSettings(num_completions=4, max_new_tokens=16, temperature=20.0)

    first, again, other = (served.sample(PROMPTS, settings=settings, generator=seeded(seed)) for seed in (1, 1, 2))

    assert first == again
    assert first != other
    together = [each for row in first for each in row]
    assert len({each.ids for each in together}) == 12
    assert all(each.ended == (each.ids[-1] == backbone.eos_id) for each in together)
    assert all(each.ended or len(each.ids) == 16 for each in together)
    assert all(each.ids[:-1].count(backbone.eos_id) == 0 for each in together)
    assert [row[0].prompt_ids for row in first] == [tuple(backbone.template.encode_prompt(one)) for one in PROMPTS]


def test_transformers_serve_draws_from_the_whole_distribution_and_from_its_top_when_told_to(served):
    # 150 draws of 97 near-equal tokens: all but 97 (96/97)^150 = 21 of them on average; top_k=50 would allow 50.
    flat = SamplingSettings(num_completions=150, max_new_tokens=1, temperature=1000.0)

    (everything,) = served.sample(PROMPTS[:1], settings=flat, generator=seeded())
    (top,) = served.sample(PROMPTS[:1], settings=replace(flat, num_completions=20, top_k=3), generator=seeded())

    assert len({each.ids for each in everything}) > 60
    assert len({each.ids for each in top}) == 3


def test_a_policy_gradient_learns_from_a_servers_completions_with_its_own_log_probabilities(served, letters_folder):
    backbone = Backbone.load(letters_folder, device="cpu", lora=LoraConfig(rank=4, alpha=8.0))
    config = ReinforceConfig(completions_per_prompt=2, max_new_tokens=6)
    method = Reinforce(backbone, config, reward=lambda encoded: torch.arange(len(encoded)).float(), sampler=served)

    result = train(method, PROMPTS, TrainerConfig(steps=1, batch_size=2, lr=1e-3))

    # The policy is still the base that the server serves, so the ratio is 1 and there is no KL; it then learns.
    assert result.metrics["kl"] == 0
    assert result.metrics["grad_norm/policy"] > 0


def test_a_tokenizer_with_several_ways_to_write_a_text_needs_ids_or_a_word(transformers_serve, model_folder):
    folder = model_folder("llama")  # byte-level: random bytes are no text
    backbone = Backbone.load(folder, device="cpu")
    server = CompletionServer(transformers_serve, timeout_seconds=60)
    sampler = ServerSampler(server, str(folder), backbone.template, dialect="transformers", concurrency=1)

    with pytest.raises(ServerError, match=r"tokens for 6 that were drawn, so these can't be known"):
        sampler.sample(PROMPTS, settings=SETTINGS, generator=seeded())

    for_people = replace(sampler, ids_from_text=True).sample(PROMPTS, settings=SETTINGS, generator=seeded())
    assert [len(row) for row in for_people] == [3, 3, 3]


def test_a_model_that_transformers_serve_cant_find_is_an_error_with_its_address(served, transformers_serve):
    server = CompletionServer(transformers_serve, attempts=2, first_wait_seconds=0.01)

    with pytest.raises(ServerError, match=f"{transformers_serve}/v1/completions"):
        replace(served, server=server, model="no/such-model").sample(PROMPTS, settings=SETTINGS, generator=seeded())


def test_transformers_serve_refuses_ids_with_a_sentence_that_is_repeated(served):
    with pytest.raises(ServerError, match=r"status 422, .*Unexpected fields.*which kind of server"):
        replace(served, dialect="vllm").sample(PROMPTS, settings=SETTINGS, generator=seeded())
