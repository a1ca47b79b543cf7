"""The leaderboard and the table of flags: computed from sums that are kept, when there is something new, and kept.

The sums cost the same however much was judged (labeling.services.standings); what is fitted to them takes longer the
more writers there are. A page does it by itself where the last time took a moment; else it is done by the worker, as
often as keeps it below a twentieth of its time.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import asdict
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from alignment.models import Method, Policy, Standings
from alignment.seeing.leaderboard import boards
from labeling import exchange

logger = logging.getLogger(__name__)

SHARE = 0.05
"""Of the time, at most, is spent on them."""
AT_ONCE_SECONDS = 3.0
"""What took no longer may be done while somebody waits for a page."""
WAITED_SECONDS = 1.0
"""What took no longer may hold up the thread that starts runs."""
THREAD = "standings"
AT_ONCE_JUDGEMENTS = 2_000
"""With so few judgements they may be computed for the first time while somebody waits."""
LOCK = 0x5EE1
"""Of this app's advisory locks, with the project's id: one computes, others keep what there is."""


def standings(project_id: int) -> Standings | None:
    """What is kept, brought up to date first where that takes a moment; None while there is nothing yet."""
    kept = Standings.objects.filter(pk=project_id).first()
    counted, is_all = exchange.seeing.catch_up(project_id)
    if kept is None:
        return refresh(project_id) if is_all and _are_few(project_id) else None
    if not is_all or _is_current(kept, counted) or kept.seconds > AT_ONCE_SECONDS:
        return kept
    return refresh(project_id) or kept


def refresh_when_due(project_id: int) -> Standings | None:
    """Compute anew if there are new judgements and the last time is long enough ago; None when it was not due.

    While there are many judgements yet to be counted it is not due.
    """
    kept = Standings.objects.filter(pk=project_id).defer("flags").first()
    counted, is_all = exchange.seeing.catch_up(project_id)
    if not is_all or not counted.label:
        return None
    if kept is not None:
        passed = (timezone.now() - kept.computed).total_seconds()
        # A clock that was put back is no reason to wait for.
        if _is_current(kept, counted) or 0 <= passed < kept.seconds / SHARE:
            return None
    return refresh(project_id)


def _is_current(kept: Standings, counted: exchange.seeing.Counted) -> bool:
    return kept.label == counted.label and kept.leaderboard.get("weights") == counted.weights


def _are_few(project_id: int) -> bool:
    return exchange.count_judgements(project_id, at_most=AT_ONCE_JUDGEMENTS) < AT_ONCE_JUDGEMENTS


def keep_fresh(project_id: int) -> threading.Thread | None:
    """For whoever watches: compute what is due, and do not wait where it takes long; the thread that does it then.

    One at a time: what is due in another project meanwhile is done at the next look.
    """
    kept = Standings.objects.filter(pk=project_id).defer("leaderboard", "flags").first()
    if _are_few(project_id) if kept is None else kept.seconds <= WAITED_SECONDS:
        refresh_when_due(project_id)
        return None
    if any(thread.name == THREAD for thread in threading.enumerate()):
        return None
    thread = threading.Thread(target=_beside, args=[project_id], name=THREAD, daemon=True)
    thread.start()
    return thread


def _beside(project_id: int) -> None:
    try:
        refresh_when_due(project_id)
    except Exception:
        logger.exception("the standings of project %d are not up to date", project_id)
    finally:
        connection.close()


@transaction.atomic
def refresh(project_id: int) -> Standings | None:
    """Compute and keep both; None when another process does so at this moment."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK, project_id])
        if not cursor.fetchone()[0]:
            return None
    begin = time.monotonic()
    counted, _ = exchange.seeing.catch_up(project_id, chunks=0)
    newest_sft = Policy.objects.filter(project=project_id, method=Method.SFT).order_by("-version")
    sft = newest_sft.values_list("version", flat=True).first()
    leaderboard = boards(exchange.seeing.all_outcomes(project_id), sft=f"policy:{sft}" if sft else None)
    flags = [_plain(asdict(each)) for each in exchange.seeing.flag_table(project_id)]
    kept, _ = Standings.objects.update_or_create(
        project_id=project_id,
        defaults={
            "label": counted.label,
            "leaderboard": {
                **leaderboard,
                "sft": sft,
                "is_weighed": bool(counted.weights),
                "weights": counted.weights,
            },
            "flags": flags,
            "seconds": time.monotonic() - begin,
            "computed": timezone.now(),
        },
    )
    return kept


def _plain(value: Any) -> Any:
    """JSON knows no NaN: None, where nothing can be said; and numbers of our own kind."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (int, str)):
        return value
    return None if value != value else float(value)
