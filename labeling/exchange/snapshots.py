"""The part of the exchange that knows of named snapshots; other apps import it from labeling.exchange."""

from __future__ import annotations

from labeling.models import Snapshot

__all__ = ["snapshots_up_to"]


def snapshots_up_to(project_id: int, judgement: int) -> list[str]:
    """The names of snapshots without filters that hold what was in force when this judgement was the newest."""
    found = Snapshot.objects.filter(project=project_id, up_to=judgement, filters={}).exclude(digest="")
    return list(found.order_by("id").values_list("name", flat=True)[:10])
