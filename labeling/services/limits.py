"""How many judgements a member may still make today. The locked membership knows it without a further query."""

from __future__ import annotations

import datetime as dt
import math

from django.utils import timezone

from labeling.models import Membership

COUNT = """
    day = (statement_timestamp() AT TIME ZONE 'UTC')::date,
    num_today = CASE WHEN day = (statement_timestamp() AT TIME ZONE 'UTC')::date THEN num_today ELSE 0 END + 1
"""
"""For statements of our own that record a judgement: counts it on the member's row, where a new day begins at 0."""


def today() -> dt.date:
    """The day in UTC."""
    return timezone.now().astimezone(dt.UTC).date()


def seconds_left() -> int:
    """Until midnight UTC, when limits begin anew; at least 1."""
    now = timezone.now().astimezone(dt.UTC)
    midnight = dt.datetime.combine(now.date() + dt.timedelta(days=1), dt.time(), dt.UTC)
    return max(1, math.ceil((midnight - now).total_seconds()))


def left_today(membership: Membership) -> int | None:
    """Judgements that the member may still begin today; None when there is no limit."""
    limit = membership.project.daily_limit if membership.daily_limit is None else membership.daily_limit
    if not limit:
        return None
    return max(0, limit - (membership.num_today if membership.day == today() else 0))


def count_judgement(membership: Membership) -> dict[str, object]:
    """The values of a member's row after one more judgement; the row is locked."""
    done = membership.num_today if membership.day == today() else 0
    return {"day": today(), "num_today": done + 1}
