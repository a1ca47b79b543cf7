"""Giving back what people hold when they don't go on with it: their drafts stay, the slots are free for others."""

from __future__ import annotations

from django.db.models import QuerySet

from labeling.models import NEVER_LEASED, Slot


def release(held: QuerySet[Slot]) -> int:
    """Take slots from who holds them; how many were. Part of a transaction.

    Slots that somebody else is writing to at this moment are passed over: their leases end by themselves.
    """
    locked = list(held.select_for_update(skip_locked=True, of=("self",)).order_by("pk").values_list("pk", flat=True))
    return Slot.objects.filter(pk__in=locked).update(assignment=None, leased_until=NEVER_LEASED)
