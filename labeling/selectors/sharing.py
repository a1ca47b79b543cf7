"""How many people judge a new item: the project's overlap, and more for a share of prompts, to compare people by."""

from __future__ import annotations

from typing import Any

from labeling.models import PREFERENCES, Project, Purpose

DIGITS = 8
"""Of the digest's end; whether a prompt is held out, and the kind it is asked for, follow from its beginning."""


def overlap_of(project: Project, *, digest: str, kind: str, purpose: str = Purpose.TRAINING) -> int:
    """The overlap of a new item of the prompt with this digest: the same draw each time, for all items of the prompt.

    What is written for a prompt can't be compared, so demonstrations and conversations keep the project's overlap.
    """
    is_shared = (
        purpose == Purpose.TRAINING and kind in PREFERENCES and int(digest[-DIGITS:], 16) % 100 < project.shared_percent
    )
    return max(project.overlap, project.shared_overlap) if is_shared else project.overlap


TARGET = f"""(CASE WHEN item.kind = ANY (%(compared)s::varchar[])
    AND ('x' || right(prompt.digest, {DIGITS}))::bit(32)::bigint %% 100 < %(share)s
    THEN greatest(%(target)s, %(shared)s) ELSE %(target)s END)"""
"""The same in SQL, of ``item`` and ``prompt``; with parameters (below)."""


def parameters(project: Project, *, overlap: int) -> dict[str, Any]:
    """Of TARGET, with another overlap of the project."""
    return {
        "target": overlap,
        "share": project.shared_percent,
        "shared": project.shared_overlap,
        "compared": list(PREFERENCES),
    }
