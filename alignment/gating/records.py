"""Writes of promotions that the gate, people and the switch share; parts of a transaction that holds the lock."""

from __future__ import annotations

import secrets
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from alignment.gating.settings import gate_settings
from alignment.models import Cause, GatePair, LoopSettings, Policy, Promotion, PromotionState
from labeling import exchange
from labeling.exchange import gate as exchange_gate

OPEN = (PromotionState.WAITING, PromotionState.ASKING)


def lock(project_id: int) -> None:
    """The row of the loop's settings is the lock: what decides about a project's versions is one after the other."""
    LoopSettings.objects.select_for_update().filter(pk=project_id).first()


def asking(project_id: int) -> Promotion | None:
    """The promotion that people are asked for."""
    return _rows(project_id).filter(state=PromotionState.ASKING).first()


def newest_waiting(project_id: int) -> Promotion | None:
    """The newest candidate that waits for its turn."""
    return _rows(project_id).filter(state=PromotionState.WAITING).order_by("-candidate__version").first()


def watched(project_id: int) -> Promotion | None:
    """The promotion of the version that serves, while it may be watched: the gate or a person put it there."""
    return _rows(project_id).filter(state=PromotionState.PROMOTED, candidate__is_serving=True).order_by("-id").first()


def _rows(project_id: int) -> QuerySet[Promotion]:
    return Promotion.objects.select_related("candidate", "against").filter(project=project_id)


def new(*, candidate: Policy, against: Policy, **fields: Any) -> Promotion:
    """A candidate at the gate, with the error and the number of pairs that hold for it to its end."""
    settings = gate_settings(candidate.project_id)
    return Promotion.objects.create(
        project_id=candidate.project_id,
        candidate=candidate,
        against=against,
        alpha=settings.alpha,
        most_pairs=settings.most_pairs,
        seed=secrets.randbits(40),
        **fields,
    )


def begin(promotion: Promotion) -> None:
    """Let people be asked about a candidate that waited."""
    promotion.state = PromotionState.ASKING
    promotion.began = exchange.latest_judgement(promotion.project_id)
    promotion.began_item = exchange_gate.newest_item()
    promotion.save(update_fields=["state", "began", "began_item"])
    tell(promotion)


def close(
    promotion: Promotion, *, state: PromotionState, cause: Cause, by: int | None = None, reason: str = ""
) -> None:
    """Decide about a candidate, and take what was not judged of it out of the queue."""
    promotion.state, promotion.cause, promotion.reason = state, cause, reason
    promotion.decided, promotion.decided_by_id = timezone.now(), by
    if state == PromotionState.PROMOTED:
        promotion.watched = {
            "began": exchange.latest_judgement(promotion.project_id),
            "began_item": exchange_gate.newest_item(),
        }
    promotion.save(update_fields=["state", "cause", "reason", "decided", "decided_by", "watched", "evidence", "guards"])
    withdraw(promotion)
    tell(promotion)


def withdraw(promotion: Promotion) -> None:
    """Nobody has to judge pairs on which nothing depends any more."""
    items = GatePair.objects.filter(promotion=promotion, is_same=False).values_list("item", flat=True)
    exchange_gate.withdraw(project_id=promotion.project_id, items=list(items))


def tell(promotion: Promotion) -> None:
    """Say on commit that something happened at the gate."""
    slug = exchange.project_record(promotion.project_id).slug
    exchange.publish(slug, "gate", promotion=promotion.pk, state=promotion.state)


def served(*, policy: Policy, before: Policy, by: int | None, cause: Cause) -> None:
    """Note that a version began to serve in place of another one, and what that means for candidates.

    A version that is followed by the one that it had replaced is rolled back. Candidates that are older than the new
    one are superseded; newer ones go on waiting, against the new one, and one that people are asked about begins anew:
    what was said of it was said against another version.
    """
    replaced = watched_by(before)
    for promotion in Promotion.objects.select_related("candidate", "against").filter(
        ~Q(candidate=policy), project=policy.project_id, state__in=OPEN
    ):
        _against_another(promotion, policy)
    if replaced is not None:
        withdraw(replaced)
    if replaced is not None and replaced.against_id == policy.pk:
        replaced.state, replaced.ended, replaced.ended_by_id = PromotionState.ROLLED_BACK, timezone.now(), by
        replaced.save(update_fields=["state", "ended", "ended_by"])
        tell(replaced)
        return
    opened = Promotion.objects.filter(candidate=policy, state__in=OPEN).first()
    if opened is None:
        opened = new(candidate=policy, against=before)
    close(opened, state=PromotionState.PROMOTED, cause=cause, by=by)


def watched_by(policy: Policy) -> Promotion | None:
    """The promotion by which a version came to serve last."""
    rows = Promotion.objects.filter(candidate=policy, state=PromotionState.PROMOTED)
    return rows.select_related("candidate", "against").order_by("-id").first()


def _against_another(promotion: Promotion, policy: Policy) -> None:
    newer = promotion.candidate.version > policy.version
    if promotion.state == PromotionState.WAITING and newer:
        promotion.against = policy
        promotion.save(update_fields=["against"])
        return
    close(promotion, state=PromotionState.SUPERSEDED, cause=Cause.SERVED)
    if newer:
        new(candidate=promotion.candidate, against=policy, guards=promotion.guards)
