"""How a new version comes to the gate: a run that trained it opens a promotion, or says why there is none to open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from alignment.bookkeeping import held
from alignment.gating import records
from alignment.gating.deciding import next_one
from alignment.models import Cause, Policy, Promotion, PromotionState
from labeling import exchange


@transaction.atomic
def bring_to_gate(
    *, run_id: int, attempt: int, policy: Policy, guards: Sequence[Mapping[str, Any]], identical: bool
) -> Promotion | None:
    """Open the promotion of a run's policy; the same again after a restart.

    It waits while people are asked about another candidate. One that is identical to the served version, or that a
    guard refuses, is asked about by nobody, and that is said. None: somebody put it into service meanwhile.

    Args:
        guards: what those found that need the model.

    Raises:
        RunTaken: see alignment.bookkeeping.
    """
    run = held(run_id, attempt)
    records.lock(run.project_id)
    policy.refresh_from_db()
    known = Promotion.objects.select_related("candidate", "against").filter(candidate=policy).order_by("-id").first()
    if known is not None or policy.promoted is not None:
        return known
    served = Policy.objects.get(project=run.project_id, is_serving=True)
    promotion = records.new(candidate=policy, against=served, guards=[dict(each) for each in guards])
    refused = any(each["passed"] is False for each in guards)
    if identical or refused:
        cause = Cause.IDENTICAL if identical else Cause.GUARD
        records.close(promotion, state=PromotionState.REJECTED, cause=cause)
        exchange.record_change(
            project_id=run.project_id,
            actor_id=None,
            action="policy.rejected",
            after={"version": policy.version, "cause": str(cause)},
        )
        return promotion
    if records.asking(run.project_id) is None:
        next_one(run.project_id)
        promotion.refresh_from_db()
    else:
        records.tell(promotion)
    return promotion
