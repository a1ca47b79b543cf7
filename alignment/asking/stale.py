"""What leaves the queue because nobody who wrote it writes any more. No torch."""

from __future__ import annotations

from alignment.asking.pool import pool
from alignment.models import LoopSettings, Policy
from labeling import exchange


def retired_versions(settings: LoopSettings) -> list[int]:
    """Versions out of the pool since which as many were promoted as the settings say; none when they say never.

    A version counts from its own promotion, or from when it was made where it never served.
    """
    if not settings.stale_after:
        return []
    writing = {writer.policy.version for writer in pool(settings, shown=2)}
    policies = list(Policy.objects.filter(project=settings.pk).only("version", "promoted", "created"))
    promotions = [policy.promoted for policy in policies if policy.promoted is not None]
    return sorted(
        policy.version
        for policy in policies
        if policy.version not in writing
        and sum(moment > (policy.promoted or policy.created) for moment in promotions) >= settings.stale_after
    )


def let_go(project_id: int) -> int:
    """Take out of the queue, untouched, what only retired versions wrote; how many items that were."""
    settings = LoopSettings.objects.filter(pk=project_id).first()
    if settings is None or not (retired := retired_versions(settings)):
        return 0
    return exchange.let_go(project_id, versions=retired)
