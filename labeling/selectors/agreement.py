"""Reads of coefficients of agreement from the sums that are kept: they cost the same however many labels there are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from django.db.models import QuerySet

from labeling.models import AgreementFigures, Measure, Project
from labeling.quality.estimates import Estimate
from labeling.selectors.labels import pseudonym

if TYPE_CHECKING:
    from labeling.quality.estimates import Floats

By = Literal["all", "kind", "person", "week"]
WEEKS = 26
NOTHING = Estimate(float("nan"), float("nan"), float("nan"), 0)
FEW = 20
"""Comparisons that two people made below which nothing is said of how well people predict each other."""


class Of(NamedTuple):
    """What a coefficient is of: a person with each other person, a kind, a week; None: all of them."""

    annotator: int | None = None
    kind: str | None = None
    week: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A coefficient of a measure with its 95 % interval, and from how many units."""

    of: Of
    measure: str
    flag: str
    coefficient: str
    estimate: Estimate


def coefficients(
    project: Project, *, by: By = "all", annotator: int | None = None, kind: str | None = None, with_flags: bool = True
) -> list[Row]:
    """All coefficients of a project, one table; one query.

    An item counts in the week of its first judgement. What nothing can be said of is not in the table.

    Args:
        by: one row of each for all, each kind, each person, or each of the last weeks.
        annotator: those of one person with each other person.
        kind: of one kind of judgement alone.
    """
    from labeling.quality.sums import OFFERED, estimate  # numpy: only those pay who ask

    rows = AgreementFigures.objects.filter(project=project, week__isnull=by != "week")
    rows = rows.filter(annotator__isnull=False) if by == "person" else rows.filter(annotator=annotator)
    rows = rows if kind is None else rows.filter(kind=kind)
    rows = rows if with_flags else rows.exclude(measure__in=[Measure.FLAG, Measure.UNFLAGGED])
    kept = _added_up(_last_weeks(rows) if by == "week" else rows, by=by)
    found = []
    for of in sorted(kept, key=lambda each: tuple(str(part) for part in each)):
        for measure, flag, sums in _shown(kept[of], project):
            for coefficient in OFFERED[measure]:
                value = estimate(sums, measure, coefficient)
                if value.units:
                    found.append(Row(of, measure, flag, coefficient, value))
    return found


def all_rows(project: Project, *, person: int | None) -> Iterable[Row]:
    """Every coefficient: of all, by kind, by week and, where all are meant, by person."""
    yield from coefficients(project, annotator=person)
    yield from coefficients(project, by="kind", annotator=person)
    yield from coefficients(project, by="week", annotator=person)
    if person is None:
        yield from coefficients(project, by="person")


def flat(row: Row, *, project: Project) -> dict[str, Any]:
    """A row as it leaves the house."""
    found = row.estimate
    return {
        "annotator": pseudonym(project.pk, row.of.annotator) if row.of.annotator else None,
        "kind": row.of.kind,
        "week": row.of.week.isoformat() if row.of.week else None,
        "measure": row.measure,
        "flag": row.flag or None,
        "coefficient": row.coefficient,
        **{name: None if value != value else value for name, value in _numbers(found).items()},
        "units": found.units,
    }


def _numbers(found: Estimate) -> dict[str, float]:
    return {"value": found.value, "low": found.low, "high": found.high}


def human_ceiling(project_id: int) -> Estimate | None:
    """How often two people agree on a comparison, a tie half: the accuracy that a reward model can be held against.

    None with fewer than 20 comparisons that two people made, or all from prompts of one block of those drawn.
    """
    rows = AgreementFigures.objects.filter(
        project=project_id, annotator__isnull=True, week__isnull=True, measure=Measure.COMPARISONS
    )
    kept = _added_up(rows, by="all")
    if not kept:
        return None
    from labeling.quality.sums import two_agree

    found = two_agree(kept[Of()][Measure.COMPARISONS, ""])
    return found if found.units >= FEW and found.low == found.low else None


def _last_weeks(rows: QuerySet[AgreementFigures]) -> QuerySet[AgreementFigures]:
    weeks = list(rows.order_by("-week").values_list("week", flat=True).distinct()[:WEEKS])
    return rows.filter(week__in=weeks)


def _added_up(rows: QuerySet[AgreementFigures], *, by: By) -> dict[Of, dict[tuple[str, str], Floats]]:
    from labeling.quality.sums import unpack

    kept: dict[Of, dict[tuple[str, str], Floats]] = {}
    for row in rows.order_by("pk").iterator():
        of = Of(
            annotator=row.annotator_id if by == "person" else None,
            kind=row.kind if by == "kind" else None,
            week=row.week if by == "week" else None,
        )
        key, sums = (row.measure, row.flag), unpack(row.sums, row.measure)
        measures = kept.setdefault(of, {})
        measures[key] = measures[key] + sums if key in measures else sums
    return kept


def _shown(measures: dict[tuple[str, str], Floats], project: Project) -> list[tuple[str, str, Floats]]:
    """The measures, with the flags that the project asks about: each is kept beside what it is if nobody raises it."""
    order = (Measure.COMPARISONS, Measure.RATINGS, Measure.PICKS, Measure.RANKINGS)
    found = [(measure.value, "", measures[measure, ""]) for measure in order if (measure, "") in measures]
    unflagged = measures.get((Measure.UNFLAGGED, ""))
    if unflagged is None:
        return found
    return found + [
        (Measure.FLAG.value, flag, unflagged + measures.get((Measure.FLAG, flag), 0.0)) for flag in project.flags
    ]
