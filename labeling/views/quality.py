"""How well people judge: all of it for admins and researchers, everybody's own part for themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from labeling.http import SignedInRequest, signed_in
from labeling.models import Kind, Membership, Project, User
from labeling.selectors import figures
from labeling.selectors.access import MANAGERS, RESEARCHERS, membership_in
from labeling.selectors.agreement import coefficients
from labeling.selectors.known import Later, told_later
from labeling.selectors.labels import pseudonym
from labeling.selectors.quality import LAST, own_quality, quality_of
from labeling.services.figures import refresh
from labeling.views.agreement import table
from labeling.views.trust import shown_trust

if TYPE_CHECKING:
    from labeling.quality.report import PersonFigures, Report

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
    kept = kept_figures(membership, days_url=days_url(slug), person=figures.whom(membership, ""))
    context = {"role": membership.role, "last": LAST, **kept}
    if membership.role in RESEARCHERS:
        context |= shown_report(quality_of(membership.project), membership)
    else:
        own = own_quality(membership.project, annotator=request.user.pk)
        context["people"] = [(gettext("You"), own, reverse("quality-me", args=[slug]))] if own else []
    return render(request, "labeling/quality.html", context)


@require_safe
@never_cache
@signed_in
def days(request: SignedInRequest, slug: str) -> HttpResponse:
    """The figures that are kept, alone: pages read them anew while people judge. Of one person where one is named."""
    membership = membership_in(slug, user=request.user)
    name = request.GET.get("annotator", "")
    context = kept_figures(membership, days_url=days_url(slug, person=name), person=figures.whom(membership, name))
    return render(request, "labeling/_days.html", context)


@require_safe
@signed_in
def me(request: SignedInRequest, slug: str) -> HttpResponse:
    """One's own figures."""
    membership = membership_in(slug, user=request.user)
    later = told_later(membership)
    return show_person(request, membership, person=request.user.pk, name=gettext("How I judge"), later=later)


@require_safe
@signed_in
def person(request: SignedInRequest, slug: str, name: str) -> HttpResponse:
    """One annotator's figures, for admins, who see who it is, and researchers, who do not."""
    membership = membership_in(slug, user=request.user, roles=RESEARCHERS)
    found = figures.whom(membership, name)
    known = User.objects.filter(pk=found or 0).values_list("username", flat=True).first()
    return show_person(request, membership, person=found, name=known if known and membership.role in MANAGERS else name)


def show_person(
    request: SignedInRequest, membership: Membership, *, person: int | None, name: str, later: Later | None = None
) -> HttpResponse:
    """The page of one person."""
    slug, project = membership.project.slug, membership.project
    called = pseudonym(project.pk, person)
    context = kept_figures(membership, days_url=days_url(slug, person=called), person=person)
    of = context["totals"]
    habits = ("first_shown", "longer", "middle")
    context |= {
        "role": membership.role,
        "name": name,
        "later": later,
        "agreement": table(coefficients(project, annotator=person), project),
        "habits": [(label, note, getattr(of, key)) for key, label, note in HABITS if key in habits],
        "kinds": [(Kind(kind).label, each) for kind, each in figures.kinds(project, annotator=person)],
    }
    return render(request, "labeling/quality_person.html", context)


def days_url(slug: str, *, person: str = "") -> str:
    """Where the figures that are kept are read anew."""
    return reverse("quality-days", args=[slug]) + (f"?annotator={person}" if person else "")


def kept_figures(membership: Membership, *, days_url: str, person: int | None) -> dict[str, Any]:
    """The figures that are kept, of one person or of all, brought up to date by what a page may wait for."""
    project = membership.project
    refresh(project, chunks=1, fits=False)
    context = {
        "project": project,
        "days_url": days_url,
        "totals": figures.totals(project, annotator=person),
        "days": figures.days(project, annotator=person),
    }
    if person is None:
        context |= {"outlook": figures.outlook(project), "uncounted": figures.num_uncounted(project)}
    return context


def shown_report(report: Report, membership: Membership) -> dict[str, Any]:
    """The report with words; admins see who somebody is, researchers a pseudonym."""
    project = membership.project
    rows = coefficients(project)
    of_all = [row for row in rows if not row.flag]
    ac1 = {row.flag: row.estimate for row in rows if row.coefficient == "gwet_ac1"}
    return {
        "report": report,
        "agreement": table(of_all, project),
        "habits": [(label, note, getattr(report, name)) for name, label, note in HABITS],
        "flags": [(project.all_questions[each.flag].label, each, ac1.get(each.flag)) for each in report.flags],
        "people": named(report.people, project=project, by_name=membership.role in MANAGERS),
        **shown_trust(membership),
    }


def named(people: list[PersonFigures], *, project: Project, by_name: bool) -> list[tuple[str, PersonFigures, str]]:
    """Each person's figures between what they are called, by that, and the address of their page."""
    names = dict(User.objects.filter(pk__in=[each.annotator for each in people]).values_list("pk", "username"))
    rows = []
    for each in people:
        called = pseudonym(project.pk, each.annotator)
        url = reverse("quality-person", args=[project.slug, called])
        rows.append((names[each.annotator] if by_name else called, each, url))
    return sorted(rows, key=lambda row: row[0])
