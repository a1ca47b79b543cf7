"""The worker's part of asking for the gate: drawing prompts, and letting both versions write anew for them."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence

import torch
from django.db import transaction

from alignment import bookkeeping, writing
from alignment.artifacts import load_base, load_policy
from alignment.clocks.planning import default_plan
from alignment.datasets import to_prompt
from alignment.gating import records
from alignment.gating.deciding import PORTION
from alignment.gating.settings import gate_settings
from alignment.models import GatePair, Policy, Promotion, PromotionState
from alignment.patience import patiently
from alignment.plans import Plan
from alignment.selectors import base_digest, loop_settings
from labeling import exchange
from labeling.exchange import gate as exchange_gate

logger = logging.getLogger(__name__)

FRONT = 31_000
"""Priority of the gate's pairs: before what is asked for learning, of which they are a share."""
MOST_PROMPTS = 10_000


class NoHeldOutPrompts(RuntimeError):
    """There is nothing to draw from; says what to do."""


def write_pairs(promotion_id: int, *, is_watch: bool, device: str, check: Callable[[], None] = lambda: None) -> int:
    """Write another portion of pairs for a promotion and put it into the queue; how many pairs that gave.

    Each prompt is drawn from the held-out ones at random, with replacement, and both versions write for it anew: so
    each pair is independent of all others, and as often as one likes may be drawn from a small set. Begun again after
    an interruption it draws and writes the same.

    Raises:
        NoHeldOutPrompts: the project has none.
    """
    promotion = patiently(_open, promotion_id, is_watch=is_watch)
    if promotion is None:
        return 0
    project_id = promotion.project_id
    made = patiently(_made, promotion, is_watch=is_watch)
    most = patiently(gate_settings, project_id).watch_pairs if is_watch else promotion.most_pairs
    prompts = patiently(exchange_gate.gate_prompts, project_id, limit=MOST_PROMPTS)
    if not prompts:
        raise NoHeldOutPrompts("there are no held-out prompts to ask people about: add prompts, of which a share is")
    draw = random.Random(f"{promotion.seed} {is_watch:d} {made}")  # a sample, no secret
    drawn = [draw.choice(prompts) for _ in range(max(0, min(PORTION, most - made)))]
    if not drawn:
        return 0
    plan = patiently(_plan, project_id)
    sides = (promotion.candidate, promotion.against)
    written = _written(sides, drawn, plan, seed=draw.getrandbits(40), device=device, check=check)
    pairs = [
        {policy.version: sampled for policy, sampled in zip(sides, both, strict=True)}
        for both in zip(*written, strict=True)
    ]
    return patiently(_ask, promotion_id, pairs, made=made, is_watch=is_watch)


def _written(
    sides: Sequence[Policy],
    drawn: Sequence[exchange.PromptRecord],
    plan: Plan,
    *,
    seed: int,
    device: str,
    check: Callable[[], None],
) -> list[list[exchange.Sampled]]:
    """What each side writes for the prompts, one completion for each draw."""
    project_id = sides[0].project_id
    backbone = load_base(lora=plan.lora, device=device, known=patiently(base_digest, project_id))
    patiently(bookkeeping.confirm_base, project_id=project_id, digest=backbone.digest)
    found = []
    for number, policy in enumerate(sides):
        # Seeds of their own: with the same random numbers two policies that are close would write the same.
        generator = torch.Generator().manual_seed(seed + number)
        groups = writing.write(
            backbone,
            [to_prompt(record.messages) for record in drawn],
            adapter=load_policy(backbone, policy, name=f"version-{policy.version}"),
            sampling=plan.sampling,
            completions=1,
            generator=generator,
            check=check,
        )
        rows = writing.rows([record.id for record in drawn], groups, sampling=plan.sampling, seed=seed + number)
        found.append([each for group in rows for each in writing.as_sampled(group)])
    return found


@transaction.atomic
def _ask(promotion_id: int, pairs: Sequence[dict[int, exchange.Sampled]], *, made: int, is_watch: bool) -> int:
    """Put the pairs into the queue, unless somebody decided meanwhile or another worker did the same."""
    promotion = Promotion.objects.get(pk=promotion_id)
    records.lock(promotion.project_id)
    if _open(promotion_id, is_watch=is_watch) is None or _made(promotion, is_watch=is_watch) != made:
        return 0
    asked = exchange_gate.ask_about_pairs(project_id=promotion.project_id, pairs=pairs, priority=FRONT)
    GatePair.objects.bulk_create(
        [GatePair(promotion=promotion, item_id=each.item, is_watch=is_watch, is_same=each.is_same) for each in asked]
    )
    Promotion.objects.filter(pk=promotion_id).exclude(error="").update(error="")
    records.tell(promotion)
    logger.info("promotion %d: %d more pairs", promotion_id, len(asked))
    return len(asked)


@transaction.atomic
def fail(*, promotion_id: int, error: str) -> None:
    """Keep why nobody can be asked; it is tried again at the worker's next look at all projects."""
    promotion = Promotion.objects.filter(pk=promotion_id).first()
    if promotion is not None and promotion.error != error:
        Promotion.objects.filter(pk=promotion_id).update(error=error.strip()[:2000])
        records.tell(promotion)


def _open(promotion_id: int, *, is_watch: bool) -> Promotion | None:
    rows = Promotion.objects.select_related("candidate", "against").filter(pk=promotion_id)
    if is_watch:
        return rows.filter(state=PromotionState.PROMOTED, candidate__is_serving=True).first()
    return rows.filter(state=PromotionState.ASKING).first()


def _made(promotion: Promotion, *, is_watch: bool) -> int:
    return GatePair.objects.filter(promotion=promotion, is_watch=is_watch).count()


def _plan(project_id: int) -> Plan:
    project = exchange.project_record(project_id)
    return default_plan(loop_settings(project_id), completions=project.completions_per_item)
