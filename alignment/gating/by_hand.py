"""What people decide at the gate: veto, and one click back. Promoting is alignment.promotion.promote."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from alignment.gating import records
from alignment.gating.deciding import next_one
from alignment.models import OPEN_PROMOTIONS, Cause, Policy, Promotion, PromotionState
from alignment.promotion import promote
from labeling import exchange


def promotion_in(project_id: int, promotion_id: int) -> Promotion:
    """A promotion of a project.

    Raises:
        NotFound: the project has none with this id.
    """
    rows = Promotion.objects.select_related("candidate", "against")
    found = rows.filter(pk=promotion_id, project=project_id).first()
    if found is None:
        refusal = _("there is no promotion {promotion_id} in this project")
        raise exchange.NotFound(refusal.format(promotion_id=promotion_id))
    return found


@transaction.atomic
def veto(*, project_id: int, promotion_id: int, reason: str, by: int) -> Promotion:
    """Refuse a candidate, whatever people prefer; its pairs leave the queue. Twice is harmless.

    Args:
        reason: why, for the others; it is shown beside the version for good.
        by: id of who decides it.

    Raises:
        NotFound: see promotion_in.
        Invalid: no reason.
        Conflict: it was decided otherwise before.
    """
    exchange.refuse_archived(project_id)
    if not reason.strip():
        raise exchange.Invalid(_("say why the version must not serve: others want to know"))
    records.lock(project_id)
    promotion = promotion_in(project_id, promotion_id)
    if promotion.state == PromotionState.VETOED:
        return promotion
    if promotion.state not in OPEN_PROMOTIONS:
        refusal = _("version {version} was decided about before: {state}")
        raise exchange.Conflict(
            refusal.format(version=promotion.candidate.version, state=promotion.get_state_display()), code="decided"
        )
    records.close(
        promotion, state=PromotionState.VETOED, cause=Cause.PERSON, by=by, reason=reason.replace("\x00", "").strip()
    )
    exchange.record_change(
        project_id=project_id,
        actor_id=by,
        action="policy.vetoed",
        after={"version": promotion.candidate.version, "reason": promotion.reason[:200]},
    )
    next_one(project_id)
    return promotion


@transaction.atomic
def roll_back(*, project_id: int, version: int, by: int) -> Policy:
    """Put the version before the served one back into service; a second click finds it done.

    Args:
        version: the one that serves and shall not.
        by: id of who decides it.

    Raises:
        NotFound: there is no such version.
        Conflict: nothing served before it, as far as is known.
    """
    exchange.refuse_archived(project_id)
    records.lock(project_id)
    policy = Policy.objects.filter(project=project_id, version=version).first()
    if policy is None:
        raise exchange.NotFound(_("there is no policy version {version} in this project").format(version=version))
    if not policy.is_serving:
        return Policy.objects.get(project=project_id, is_serving=True)
    last = records.watched_by(policy)
    if last is None:
        refusal = _("no version is known to have served before version {version}: promote the one you want")
        raise exchange.Conflict(refusal.format(version=version), code="nothing_before")
    return promote(policy_id=last.against_id, changed_by=by)
