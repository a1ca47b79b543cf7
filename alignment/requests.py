"""Small jobs of the worker that are no runs: filling a queue, and writing samples to look at."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from django.conf import settings

from alignment import bookkeeping, writing
from alignment.artifacts import load_base, load_policy
from alignment.asking.rounds import hand_over, write_round
from alignment.asking.stale import let_go
from alignment.clocks.planning import default_plan
from alignment.core.backbone import Backbone
from alignment.datasets import to_prompt
from alignment.models import BlindEvaluation, BlindState, Policy
from alignment.patience import patiently
from alignment.plans import Plan
from alignment.selectors import base_digest, loop_settings, serving_policy
from alignment.services import ensure_loop
from labeling import exchange

logger = logging.getLogger(__name__)

SAMPLES = 2
ATTEMPTS_AT_TWO = 3


def fill_queue(project_id: int, *, device: str, check: Callable[[], None] = lambda: None) -> int:
    """Let the versions of the pool write for the prompts that were written for least; how many items that gave."""
    settings = patiently(ensure_loop, project_id=project_id)
    patiently(let_go, project_id)
    plan = _plan(project_id)
    backbone = _base(project_id, plan, device=device)
    # A seed of its own: asked again, the same versions write something else. It is stored with what they wrote.
    kept = write_round(settings, backbone, sampling=plan.sampling, seed=secrets.randbits(40), check=check)
    items = patiently(hand_over, project_id, kept)
    logger.info("versions up to %d of project %d wrote %d items", kept["version"], project_id, items)
    return items


def write_samples(
    project_id: int,
    prompt_id: int,
    *,
    versions: list[int],
    device: str,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Let versions write for one prompt, with the same random numbers, to be looked at side by side."""
    plan = _plan(project_id)
    record = patiently(exchange.prompt_record, project_id, prompt_id)
    policies = patiently(_policies, project_id, versions)
    backbone = _base(project_id, plan, device=device)
    seed = secrets.randbits(40)
    rows = []
    for policy in policies:
        [group] = writing.write(
            backbone,
            [to_prompt(record.messages)],
            adapter=load_policy(backbone, policy, name=f"version-{policy.version}"),
            sampling=plan.sampling,
            completions=SAMPLES,
            generator=torch.Generator().manual_seed(seed),
            check=check,
        )
        rows += [
            {"policy": policy, "text": writing.storable(each.text), "ended": each.ended, "logprob": each.logprob}
            for each in group
        ]
    patiently(bookkeeping.store_samples, project_id=project_id, prompt_id=prompt_id, samples=rows)


@dataclass(frozen=True)
class Kept:
    """The served policy of a project, loaded; ``key`` says which one it is, and where."""

    key: tuple[object, ...]
    backbone: Backbone
    adapter: str | None


def write_turn(
    turn_id: int, *, device: str, check: Callable[[], None] = lambda: None, kept: Kept | None = None
) -> Kept | None:
    """Let the served policy write for a turn of a conversation, whose annotator waits at the page.

    Equal texts are offered once, so it writes again, up to three times, until there are two that differ.

    Args:
        kept: what an earlier turn was written with; it is loaded anew where another policy serves by now.

    Returns:
        What it was written with, for the next turn.
    """
    turn = patiently(exchange.waiting_turn, turn_id)
    if turn is None:
        return kept
    patiently(ensure_loop, project_id=turn.project)
    plan, serving = _plan(turn.project), patiently(serving_policy, turn.project)
    assert serving is not None, "ensure_loop made version 1"
    kept = _served(turn.project, plan, serving, device=device, kept=kept)
    sampled: list[exchange.Sampled] = []
    for _ in range(ATTEMPTS_AT_TWO):
        seed = secrets.randbits(40)
        groups = writing.write(
            kept.backbone,
            [to_prompt(turn.prompt.messages)],
            adapter=kept.adapter,
            sampling=plan.sampling,
            completions=turn.num_completions,
            generator=torch.Generator().manual_seed(seed),
            check=check,
        )
        [rows] = writing.rows([turn.prompt.id], groups, sampling=plan.sampling, seed=seed)
        sampled += writing.as_sampled(rows)
        if len({each.text for each in sampled}) > 1:
            break
    distinct = list({each.text: each for each in sampled}.values())[: turn.num_completions]
    patiently(exchange.offer_turn, turn_id=turn_id, policy_version=serving.version, sampled=distinct)
    return kept


def _served(project_id: int, plan: Plan, serving: Policy, *, device: str, kept: Kept | None) -> Kept:
    key = (project_id, serving.pk, plan.lora, device, settings.MODEL)  # a version never changes
    if kept is not None and kept.key == key:
        return kept
    backbone = _base(project_id, plan, device=device)
    return Kept(key, backbone, load_policy(backbone, serving, name="serving"))


def evaluate_blindly(evaluation_id: int, *, device: str, check: Callable[[], None] = lambda: None) -> None:
    """Let two versions write for held-out prompts where they did not yet, and ask people which one is better.

    Begun again after an interruption it writes the same, since the seeds are kept.
    """
    evaluation = patiently(_blind_evaluation, evaluation_id)
    if evaluation is None:
        return
    project_id, plan = evaluation.project_id, _plan(evaluation.project_id)
    records = patiently(exchange.prompts, project_id, held_out=True, limit=evaluation.num_prompts)
    sides = (evaluation.policy, evaluation.against)
    # Seeds of their own: with the same random numbers two policies that are close would write the same.
    written = {
        policy.version: _missing(policy, records, plan, seed=evaluation.seed + number, device=device, check=check)
        for number, policy in enumerate(sides)
    }
    asked = patiently(
        exchange.ask_people,
        project_id=project_id,
        versions=(sides[0].version, sides[1].version),
        prompts=[record.id for record in records],
        written=written,
        sampling=writing.how_sampled(plan.sampling),
        overlap=evaluation.overlap,
        # Among what the newer of the two writes for the queue, so that the time does not tell them apart.
        priority=min(max(policy.version for policy in sides), writing.HIGHEST_PRIORITY),
    )
    patiently(bookkeeping.end_blind_evaluation, evaluation_id=evaluation_id)
    logger.info("blind evaluation %d: %d pairs, %d the same", evaluation_id, asked.num_items, asked.num_same)


def _blind_evaluation(evaluation_id: int) -> BlindEvaluation | None:
    waiting = BlindEvaluation.objects.filter(pk=evaluation_id, state=BlindState.QUEUED)
    return waiting.select_related("policy", "against").first()


def _missing(
    policy: Policy,
    records: Sequence[exchange.PromptRecord],
    plan: Plan,
    *,
    seed: int,
    device: str,
    check: Callable[[], None],
) -> list[exchange.Sampled]:
    """One completion for each prompt that the version did not write for with the plan's sampling settings."""
    how, ids = writing.how_sampled(plan.sampling), [record.id for record in records]
    known = patiently(
        exchange.prompts_written_for, policy.project_id, version=policy.version, prompts=ids, sampling=how
    )
    without = [record for record in records if record.id not in known]
    if not without:
        return []
    backbone = _base(policy.project_id, plan, device=device)
    groups = writing.write(
        backbone,
        [to_prompt(record.messages) for record in without],
        adapter=load_policy(backbone, policy, name=f"version-{policy.version}"),
        sampling=plan.sampling,
        completions=1,
        generator=torch.Generator().manual_seed(seed),
        check=check,
    )
    rows = writing.rows([record.id for record in without], groups, sampling=plan.sampling, seed=seed)
    return [each for group in rows for each in writing.as_sampled(group)]


def _policies(project_id: int, versions: list[int]) -> list[Policy]:
    return list(Policy.objects.filter(project=project_id, version__in=versions).order_by("version"))


def _plan(project_id: int) -> Plan:
    project = patiently(exchange.project_record, project_id)
    settings = patiently(loop_settings, project_id)
    return default_plan(settings, completions=project.completions_per_item)


def _base(project_id: int, plan: Plan, *, device: str) -> Backbone:
    backbone = load_base(lora=plan.lora, device=device, known=patiently(base_digest, project_id))
    patiently(bookkeeping.confirm_base, project_id=project_id, digest=backbone.digest)
    return backbone
