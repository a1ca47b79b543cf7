"""Which version of the policy writes for the queue."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from alignment.asking import stale
from alignment.gating import records
from alignment.models import Cause, Policy
from labeling import exchange


@transaction.atomic
def promote(*, policy_id: int, changed_by: int | None = None, cause: Cause = Cause.PERSON) -> Policy:
    """Let a version write for the queue from now on: an older one is a rollback. Twice is harmless.

    Args:
        changed_by: id of who decides it; None for the loop, whose gate the version passed, and for a command.
        cause: why; the gate says another one than a person does.

    Raises:
        Conflict: the files of the version were removed.
    """
    policy = Policy.objects.get(pk=policy_id)
    # All promotions of a project come one after the other.
    records.lock(policy.project_id)
    policy.refresh_from_db()
    if policy.is_serving:
        return policy
    if policy.removed is not None:
        refusal = _("the files of version {version} were removed to save space: choose another one")
        raise exchange.Conflict(refusal.format(version=policy.version), code="files_removed")
    before = Policy.objects.filter(project=policy.project_id, is_serving=True).first()
    Policy.objects.filter(project=policy.project_id, is_serving=True).update(is_serving=False)
    policy.is_serving, policy.promoted = True, timezone.now()
    policy.save(update_fields=["is_serving", "promoted"])
    exchange.record_change(
        project_id=policy.project_id,
        actor_id=changed_by,
        action="policy.promoted",
        before={"version": before.version if before else None},
        after={"version": policy.version},
    )
    if before is not None:
        records.served(policy=policy, before=before, by=changed_by, cause=cause)
    stale.let_go(policy.project_id)
    exchange.publish(exchange.project_record(policy.project_id).slug, "policy", version=policy.version)
    return policy
