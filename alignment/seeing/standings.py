"""The leaderboard and the table of flags: computed when there is something new, kept, and read from there.

Computing them reads every judgement. So it is done by the worker, as often as keeps it below a twentieth of the
database's time, and of very many when some came in that can be seen among them; a page does it by itself only where the
last time took a moment.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
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
LONG_SECONDS = 10.0
"""What took longer is computed anew when there is more to say than a few judgements among many thousands."""
NEWS = 0.005
"""So much more judgements, as a share of those that were counted: less moves no figure by more than its interval."""
AT_LEAST_EVERY = dt.timedelta(hours=6)
"""Whatever came in."""
MANY = 10**9
AT_ONCE_SECONDS = 0.3
"""What took no longer may be done while somebody waits for a page."""
WAITED_SECONDS = 1.0
"""What took no longer may hold up the thread that starts runs."""
THREAD = "standings"
AT_ONCE_JUDGEMENTS = 2_000
"""So few judgements may be read for the first time while somebody waits."""
LOCK = 0x5EE1
"""Of this app's advisory locks, with the project's id: one computes, others keep what there is."""


def standings(project_id: int) -> Standings | None:
    """What is kept, brought up to date first where that takes a moment; None while there is nothing yet."""
    kept = Standings.objects.filter(pk=project_id).first()
    if kept is None:
        few = exchange.count_judgements(project_id, at_most=AT_ONCE_JUDGEMENTS) < AT_ONCE_JUDGEMENTS
        return refresh(project_id) if few else None
    if kept.seconds <= AT_ONCE_SECONDS:
        return refresh_when_due(project_id, pause=0.0) or kept
    return kept


def refresh_when_due(project_id: int, *, pause: float | None = None) -> Standings | None:
    """Compute anew if there are new judgements and the last time is long enough ago; None when it was not due.

    Args:
        pause: seconds that have to lie between; what keeps to SHARE when not given.
    """
    kept = Standings.objects.filter(pk=project_id).defer("leaderboard", "flags").first()
    latest = exchange.latest_judgement(project_id)
    if kept is None:
        return refresh(project_id) if latest else None
    wanted = kept.seconds / SHARE if pause is None else pause
    passed = (timezone.now() - kept.computed).total_seconds()
    if latest == kept.label or 0 <= passed < wanted:  # a clock that was put back is no reason to wait for
        return None
    if kept.seconds > LONG_SECONDS and 0 <= passed < AT_LEAST_EVERY.total_seconds() and not _is_news(project_id):
        return None
    return refresh(project_id)


def _is_news(project_id: int) -> bool:
    """Whether there are enough judgements more than were counted."""
    counted = Standings.objects.filter(pk=project_id).values_list("leaderboard__judgements", flat=True).first() or 0
    enough = math.ceil(counted * (1 + NEWS))
    return exchange.count_judgements(project_id, at_most=enough) >= enough


def keep_fresh(project_id: int) -> threading.Thread | None:
    """For whoever watches: compute what is due, and do not wait where it takes long; the thread that does it then.

    One at a time: what is due in another project meanwhile is done at the next look.
    """
    kept = Standings.objects.filter(pk=project_id).defer("leaderboard", "flags").first()
    few = exchange.count_judgements(project_id, at_most=AT_ONCE_JUDGEMENTS) < AT_ONCE_JUDGEMENTS
    if few or (kept is not None and kept.seconds <= WAITED_SECONDS):
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
    latest = exchange.latest_judgement(project_id)
    newest_sft = Policy.objects.filter(project=project_id, method=Method.SFT).order_by("-version")
    sft = newest_sft.values_list("version", flat=True).first()
    leaderboard = boards(exchange.seeing.all_outcomes(project_id), sft=f"policy:{sft}" if sft else None)
    flags = [_plain(asdict(each)) for each in exchange.seeing.flag_table(project_id)]
    kept, _ = Standings.objects.update_or_create(
        project_id=project_id,
        defaults={
            "label": latest,
            "leaderboard": {
                **leaderboard,
                "sft": sft,
                "is_weighed": bool(exchange.training_weights(project_id)),
                "judgements": exchange.count_judgements(project_id, at_most=MANY),
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
