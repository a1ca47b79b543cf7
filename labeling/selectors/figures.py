"""Reads of the figures that services.figures keeps: they cost the same however many labels there are."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext

from labeling.errors import NotFound
from labeling.models import DayFigures, Folded, Label, Membership, Project
from labeling.quality.estimates import Estimate, ratio, wilson
from labeling.quality.forecast import Forecast, forecast
from labeling.selectors.access import RESEARCHERS
from labeling.selectors.labels import pseudonym
from labeling.selectors.progress import Progress, project_progress

SHOWN_DAYS = 60
PAST_DAYS = 14
"""Whole days that the estimate of the end is made from."""
SUMS = (
    "judgements",
    "seconds",
    "pairs",
    "same",
    "later_pairs",
    "later_same",
    "square_pairs",
    "square_same",
    "pairs_by_same",
    "decided",
    "first_shown",
    "of_length",
    "longer",
    "ratings",
    "fours",
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What some judgements come to, as they were first submitted.

    Attributes:
        per_hour: judgements in an hour of active time; NaN where no time was taken down.
        agreement: of comparisons that two people made, the share on which they agree. Of a project, its interval takes
            the comparisons of a judgement together; of one person it is Wilson's.
    """

    judgements: int
    seconds: float
    per_hour: float
    agreement: Estimate
    first_shown: Estimate
    longer: Estimate
    middle: Estimate


@dataclass(frozen=True, slots=True)
class DayOf:
    """The figures of one day (UTC)."""

    day: dt.date
    figures: Figures


@dataclass(frozen=True, slots=True)
class Outlook:
    """How far a project is, and when it will be done if the coming days are like the last ones."""

    progress: Progress
    remaining: int
    end: Forecast | None
    day: dt.date | None
    earliest: dt.date | None
    latest: dt.date | None


def totals(project: Project, *, annotator: int | None = None) -> Figures:
    """The figures of all judgements of a project, or of one person in it."""
    return _figures(_kept(project, annotator).aggregate(**_sums()), is_project=annotator is None)


def days(project: Project, *, annotator: int | None = None, last: int = SHOWN_DAYS) -> list[DayOf]:
    """The figures of the last days on which somebody judged, the earliest first."""
    rows = _kept(project, annotator).values("day").annotate(**_sums()).order_by("-day")[:last]
    found = [DayOf(day=row["day"], figures=_figures(row, is_project=annotator is None)) for row in rows]
    return found[::-1]


def kinds(project: Project, *, annotator: int | None = None) -> list[tuple[str, Figures]]:
    """The figures of each kind of judgement, by its code."""
    rows = _kept(project, annotator).values("kind").annotate(**_sums()).order_by("kind")
    return [(row["kind"], _figures(row, is_project=annotator is None)) for row in rows]


def people(project: Project) -> list[tuple[int, Figures]]:
    """The figures of each annotator, by id."""
    rows = _kept(project, None).values("annotator").annotate(**_sums()).order_by("annotator")
    return [(row["annotator"], _figures(row, is_project=False)) for row in rows]


def outlook(project: Project, *, today: dt.date | None = None) -> Outlook:
    """Progress with an estimate of the end, from the last whole days."""
    today = today or timezone.now().date()
    progress = project_progress(project)
    remaining = max(progress.total - progress.done, 0)
    end = forecast(daily(project, today=today), remaining)
    if end is None or remaining == 0:
        return Outlook(progress, remaining, end, None, None, None)
    day, earliest, latest = (today + dt.timedelta(days=each - 1) for each in (end.days, end.low, end.high))
    return Outlook(progress, remaining, end, day, earliest, latest)


def daily(project: Project, *, today: dt.date) -> list[int]:
    """Judgements of each of the last whole days since the first one, idle days too."""
    first = DayFigures.objects.filter(project=project).order_by("day").values_list("day", flat=True).first()
    if first is None:
        return []
    begin = max(first, today - dt.timedelta(days=PAST_DAYS))
    rows = _kept(project, None).filter(day__gte=begin, day__lt=today).values_list("day").annotate(Sum("judgements"))
    counted: dict[dt.date, int] = dict(rows)
    return [counted.get(begin + dt.timedelta(days=n), 0) for n in range((today - begin).days)]


def num_uncounted(project: Project, *, at_most: int = 10_000) -> int:
    """How many labels are not counted yet, to a limit."""
    counted = Folded.objects.filter(project=project).values_list("label", flat=True).first() or 0
    return len(Label.objects.filter(project=project, pk__gt=counted).values_list("pk")[:at_most])


def annotator_called(project: Project, name: str) -> int | None:
    """The member whose pseudonym in the project this is."""
    members = Membership.objects.filter(project=project).values_list("user", flat=True)
    return next((pk for pk in members if pseudonym(project.pk, pk) == name), None)


def whom(membership: Membership, name: str) -> int | None:
    """Whose figures the person may see: those of one who is called so, or of all (None), or their own alone.

    Raises:
        NotFound: nobody here is called so, or it is somebody else and the person may only see themselves.
    """
    project, own = membership.project, membership.user.pk
    sees_all = membership.role in RESEARCHERS
    if not name:
        return None if sees_all else own
    found = annotator_called(project, name)
    if found is None or (found != own and not sees_all):
        raise NotFound(gettext("there is nobody called {name!r} in {slug}").format(name=name, slug=project.slug))
    return found


def _kept(project: Project, annotator: int | None) -> QuerySet[DayFigures]:
    rows = DayFigures.objects.filter(project=project).order_by()
    return rows if annotator is None else rows.filter(annotator=annotator)


def _sums() -> dict[str, Any]:
    return {f"sum_{name}": Sum(name, default=0) for name in SUMS}


def _figures(row: Mapping[str, Any], *, is_project: bool) -> Figures:
    of = {name: row[f"sum_{name}"] for name in SUMS}
    hours = of["seconds"] / 3600
    if is_project:
        squares: Sequence[float] = (of["square_same"], of["pairs_by_same"], of["square_pairs"])
        agreement = ratio(int(of["later_same"]), int(of["later_pairs"]), squares=squares)
    else:
        agreement = wilson(int(of["same"]), int(of["pairs"]))
    return Figures(
        judgements=of["judgements"],
        seconds=of["seconds"],
        per_hour=of["judgements"] / hours if hours else math.nan,
        agreement=agreement,
        first_shown=wilson(int(of["first_shown"]), int(of["decided"])),
        longer=wilson(int(of["longer"]), int(of["of_length"])),
        middle=wilson(int(of["fours"]), int(of["ratings"])),
    )
