"""Coefficients of agreement: by kind, by person and over the weeks, as a page and as a file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from labeling.http import SignedInRequest, signed_in
from labeling.models import Kind, Measure, Membership, Project, User
from labeling.quality.estimates import Estimate
from labeling.selectors import figures
from labeling.selectors.access import MANAGERS, membership_in
from labeling.selectors.agreement import NOTHING, Row, all_rows, coefficients, flat
from labeling.selectors.labels import pseudonym
from labeling.services.figures import refresh

MEASURES = {
    Measure.COMPARISONS: gettext_lazy("Comparisons"),
    Measure.RATINGS: gettext_lazy("Ratings"),
    Measure.PICKS: gettext_lazy("Picks of the best"),
    Measure.RANKINGS: gettext_lazy("Whole rankings"),
}
COEFFICIENTS = {
    "pairwise_agreement": gettext_lazy("Said alike"),
    "alpha_ordinal": gettext_lazy("Krippendorff's alpha, ordinal"),
    "alpha_nominal": gettext_lazy("Krippendorff's alpha, nominal"),
    "fleiss_kappa": gettext_lazy("Fleiss' kappa"),
    "gwet_ac1": gettext_lazy("Gwet's AC1"),
    "kendall_tau": gettext_lazy("Kendall's tau-b"),
}
COLUMNS = (
    (Measure.COMPARISONS, "pairwise_agreement", gettext_lazy("Comparisons alike")),
    (Measure.COMPARISONS, "alpha_ordinal", gettext_lazy("Comparisons, alpha")),
    (Measure.RANKINGS, "kendall_tau", gettext_lazy("Rankings, tau")),
    (Measure.RATINGS, "alpha_ordinal", gettext_lazy("Ratings, alpha")),
    (Measure.PICKS, "alpha_nominal", gettext_lazy("Picks, alpha")),
)
"""What stands beside each other for people and weeks."""
FILE = ("annotator", "kind", "week", "measure", "flag", "coefficient", "value", "low", "high", "units")


@require_safe
@never_cache
@signed_in
def agreement(request: SignedInRequest, slug: str) -> HttpResponse:
    """All of a project, or one's own with each other person."""
    membership = membership_in(slug, user=request.user)
    project, person = membership.project, figures.whom(membership, request.GET.get("annotator", ""))
    refresh(project, chunks=1, fits=False)
    by_kind = coefficients(project, by="kind", annotator=person)
    context = {
        "project": project,
        "role": membership.role,
        "is_of_all": person is None,
        "kinds": [(label, table(rows, project)) for label, rows in _kinds(by_kind)],
        "columns": [label for *_, label in COLUMNS],
        "weeks": _across(coefficients(project, by="week", annotator=person, with_flags=False), key="week"),
        "people": _people(membership) if person is None else [],
        "file_url": reverse("agreement-file", args=[slug]),
        "uncounted": figures.num_uncounted(project),
    }
    return render(request, "labeling/agreement.html", context)


@require_safe
@never_cache
@signed_in
def file(request: SignedInRequest, slug: str) -> HttpResponse:
    """The same as CSV: every coefficient of all, and by kind, person and week; people by pseudonym."""
    membership = membership_in(slug, user=request.user)
    project, person = membership.project, figures.whom(membership, "")
    refresh(project, chunks=1, fits=False)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slug}-agreement.csv"'
    writer = csv.DictWriter(response, FILE)
    writer.writeheader()
    for row in all_rows(project, person=person):
        writer.writerow(flat(row, project=project))
    return response


@dataclass(frozen=True, slots=True)
class Table:
    """Coefficients beside each other: what they are called, and of each measure its figures and its units."""

    columns: list[str]
    rows: list[tuple[str, list[Estimate], int]]


def table(rows: Sequence[Row], project: Project) -> Table:
    """The coefficients of one person, kind or whole project by measure; those that none of them has are left out."""
    codes = [code for code in COEFFICIENTS if any(row.coefficient == code for row in rows)]
    found: dict[tuple[str, str], dict[str, Estimate]] = {}
    for row in rows:
        found.setdefault((row.measure, row.flag), {})[row.coefficient] = row.estimate
    questions = project.all_questions
    return Table(
        columns=[str(COEFFICIENTS[code]) for code in codes],
        rows=[
            (
                str(questions[flag].label if flag else MEASURES[Measure(measure)]),
                [estimates.get(code, NOTHING) for code in codes],
                max(each.units for each in estimates.values()),
            )
            for (measure, flag), estimates in found.items()
        ],
    )


def _kinds(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    kinds = sorted({row.of.kind or "" for row in rows})
    return [(str(Kind(kind).label), [row for row in rows if row.of.kind == kind]) for kind in kinds]


def _across(rows: Sequence[Row], *, key: str) -> list[tuple[Any, list[Estimate]]]:
    found = {(getattr(row.of, key), row.measure, row.coefficient): row.estimate for row in rows}
    return [
        (each, [found.get((each, measure.value, coefficient), NOTHING) for measure, coefficient, _ in COLUMNS])
        for each in sorted({each for each, *_ in found})
    ]


def _people(membership: Membership) -> list[tuple[str, str, list[Estimate]]]:
    """Each person's figures between what they are called, with the address of their page."""
    project = membership.project
    rows = _across(coefficients(project, by="person", with_flags=False), key="annotator")
    names = dict(User.objects.filter(pk__in=[pk for pk, _ in rows]).values_list("pk", "username"))
    found = []
    for pk, estimates in rows:
        called = pseudonym(project.pk, pk)
        url = reverse("quality-person", args=[project.slug, called])
        found.append((names[pk] if membership.role in MANAGERS else called, url, estimates))
    return sorted(found, key=lambda row: row[0])
