"""Completions from a policy, a few prompts at a time so that a worker can be stopped in between.

They are sampled here, or by the vLLM server at SAMPLING_SERVER, to which policies are brought as LoRA adapters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from django.conf import settings

from alignment.core.backbone import Backbone
from alignment.core.methods.forward import logprobs_by_token
from alignment.core.records import Prompt
from alignment.core.rollout import LocalSampler, Sampled, Sampler
from alignment.core.sampling.completion_server import CompletionServer
from alignment.core.sampling.draws import SamplingSettings
from alignment.core.sampling.server_sampling import ServedAdapter
from alignment.plans import SamplingConfig
from labeling import exchange

COMPLETIONS_AT_ONCE = 64
HELD_OUT_SHARE = 0.1
HIGHEST_PRIORITY = 30_000


def write(
    backbone: Backbone,
    prompts: Sequence[Prompt],
    *,
    adapter: str | None,
    sampling: SamplingConfig,
    completions: int,
    generator: torch.Generator,
    check: Callable[[], None] = lambda: None,
) -> list[list[Sampled]]:
    """Completions of each prompt; sampled here they are the same ones for the same generator state.

    Args:
        adapter: of the policy; None is the base.
        check: called between the parts; what it raises ends the writing.

    Raises:
        alignment.core.sampling.completion_server.ServerError: the server at SAMPLING_SERVER can't be used.
    """
    at_once = max(1, COMPLETIONS_AT_ONCE // completions)
    how = SamplingSettings(
        num_completions=completions, max_new_tokens=sampling.max_new_tokens, temperature=sampling.temperature
    )
    written: list[list[Sampled]] = []
    with sampler_of(backbone, adapter) as sampler:
        for start in range(0, len(prompts), at_once):
            check()
            groups = sampler.sample(prompts[start : start + at_once], settings=how, generator=generator)
            written += _with_logprobs(backbone, groups, adapter=adapter, temperature=how.temperature)
    return written


@contextmanager
def sampler_of(backbone: Backbone, adapter: str | None) -> Iterator[Sampler]:
    if not settings.SAMPLING_SERVER:
        yield LocalSampler(backbone, adapter)
        return
    server = CompletionServer(
        settings.SAMPLING_SERVER,
        api_key=settings.SAMPLING_SERVER_KEY,
        timeout_seconds=settings.SAMPLING_SERVER_TIMEOUT,
    )
    base = settings.MODEL or str(backbone.folder)  # as vLLM names a model that it is started with
    folder = Path(settings.DATA_DIR) / "served"
    with ServedAdapter(server, backbone, adapter, base_model=base, folder=folder) as sampler:
        yield sampler


def _with_logprobs(
    backbone: Backbone, groups: list[list[Sampled]], *, adapter: str | None, temperature: float
) -> list[list[Sampled]]:
    """What comes from a server has no log-probabilities: they are computed here, where they mean the same to all."""
    encoded = [each.encoded() for group in groups for each in group if each.logprob is None]
    found = iter(logprobs_by_token(backbone, encoded, adapter=adapter, temperature=temperature))
    return [
        [each if each.logprob is not None else replace(each, logprob=float(next(found).sum())) for each in group]
        for group in groups
    ]


def how_sampled(sampling: SamplingConfig) -> dict[str, Any]:
    """The settings that completions are compared under, as they are kept with each."""
    return {
        "temperature": sampling.temperature,
        "top_k": 0,
        "top_p": 1.0,
        "max_new_tokens": sampling.max_new_tokens,
    }


def rows(
    prompt_ids: Sequence[int], groups: Sequence[Sequence[Sampled]], *, sampling: SamplingConfig, seed: int
) -> list[list[dict[str, Any]]]:
    """What is kept of completions, as plain values: prompt, text, log-probability and how they were sampled."""
    how = {**how_sampled(sampling), "seed": seed}
    return [
        [
            {
                "prompt": prompt,
                "text": each.text,
                "logprob": each.logprob,
                "sampling": {**how, "ended": each.ended, "tokens": len(each.ids)},
            }
            for each in group
        ]
        for prompt, group in zip(prompt_ids, groups, strict=True)
    ]


def as_sampled(group: Sequence[dict[str, Any]]) -> list[exchange.Sampled]:
    """Completions as they cross the door to labeling."""
    return [
        exchange.Sampled(
            prompt=row["prompt"],
            text=storable(row["text"]),
            logprob=row["logprob"],
            sampling=row["sampling"],
            policy_version=row.get("version"),
        )
        for row in group
    ]


def storable(text: str) -> str:
    """PostgreSQL holds no NUL, which a byte-level model may write."""
    return text.replace("\x00", "�")
