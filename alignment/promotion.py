"""Which version of the policy writes for the queue."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from alignment.models import LoopSettings, Policy
from labeling import exchange


@transaction.atomic
def promote(*, policy_id: int, changed_by: int | None = None) -> Policy:
    """Let a version write for the queue from now on: an older one is a rollback. Twice is harmless.

    Args:
        changed_by: id of who decides it; None for the loop, whose gate the version passed.
    """
    policy = Policy.objects.get(pk=policy_id)
    # The settings row is the lock: all promotions of a project come one after the other.
    LoopSettings.objects.select_for_update().filter(pk=policy.project_id).first()
    policy.refresh_from_db()
    if policy.is_serving:
        return policy
    served = Policy.objects.filter(project=policy.project_id, is_serving=True)
    before = served.values_list("version", flat=True).first()
    served.update(is_serving=False)
    policy.is_serving, policy.promoted = True, timezone.now()
    policy.save(update_fields=["is_serving", "promoted"])
    exchange.record_change(
        project_id=policy.project_id,
        actor_id=changed_by,
        action="policy.promoted",
        before={"version": before},
        after={"version": policy.version},
    )
    exchange.publish(exchange.project_record(policy.project_id).slug, "policy", version=policy.version)
    return policy
