"""How well people judge: all of it for admins and researchers, everybody's own part for themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_safe

from labeling.http import SignedInRequest, signed_in
from labeling.models import Membership, Project, User
from labeling.selectors.access import MANAGERS, RESEARCHERS, membership_in
from labeling.selectors.labels import pseudonym
from labeling.selectors.quality import LAST, own_quality, quality_of

if TYPE_CHECKING:
    from labeling.quality.report import PersonFigures, Report

AGREEMENT = (
    ("comparisons", gettext_lazy("Same answer on a comparison"), gettext_lazy("share of pairs of people")),
    ("comparisons_alpha", gettext_lazy("Comparisons beyond chance"), gettext_lazy("Krippendorff's alpha, ordinal")),
    ("rankings_tau", gettext_lazy("Order of whole rankings"), gettext_lazy("Kendall's tau-b")),
    ("ratings_alpha", gettext_lazy("Ratings beyond chance"), gettext_lazy("Krippendorff's alpha, ordinal")),
    ("picks_alpha", gettext_lazy("Picks of the best beyond chance"), gettext_lazy("Krippendorff's alpha, nominal")),
)
HABITS = (
    (
        "first_shown",
        gettext_lazy("The completion shown earlier wins"),
        gettext_lazy("a half if the place does not matter"),
    ),
    ("longer", gettext_lazy("The longer completion wins"), gettext_lazy("compare people with each other")),
    ("middle", gettext_lazy("Rated 4 of 7"), gettext_lazy("share of ratings")),
    ("unchanged", gettext_lazy("Ranked just as shown"), gettext_lazy("1 in 24 by chance for four completions")),
    ("time", gettext_lazy("Slower people agree more"), gettext_lazy("Spearman's correlation of time and agreement")),
)


@require_safe
@signed_in
def quality(request: SignedInRequest, slug: str) -> HttpResponse:
    """Agreement and habits of a project's people, or one's own."""
    membership = membership_in(slug, user=request.user)
    context: dict[str, Any] = {"project": membership.project, "role": membership.role, "last": LAST}
    if membership.role in RESEARCHERS:
        context |= shown_report(quality_of(membership.project), membership)
    else:
        own = own_quality(membership.project, annotator=request.user.pk)
        context["people"] = [(gettext("You"), own)] if own else []
    return render(request, "labeling/quality.html", context)


def shown_report(report: Report, membership: Membership) -> dict[str, Any]:
    """The report with words; admins see who somebody is, researchers a pseudonym."""
    return {
        "report": report,
        "agreement": [(label, note, getattr(report, name)) for name, label, note in AGREEMENT],
        "habits": [(label, note, getattr(report, name)) for name, label, note in HABITS],
        "flags": [(membership.project.all_questions[each.flag].label, each) for each in report.flags],
        "people": named(report.people, project=membership.project, by_name=membership.role in MANAGERS),
    }


def named(people: list[PersonFigures], *, project: Project, by_name: bool) -> list[tuple[str, PersonFigures]]:
    """Each person's figures beside what they are called, by that."""
    names = dict(User.objects.filter(pk__in=[each.annotator for each in people]).values_list("pk", "username"))
    called = [names[each.annotator] if by_name else pseudonym(project.pk, each.annotator) for each in people]
    return sorted(zip(called, people, strict=True), key=lambda pair: pair[0])
