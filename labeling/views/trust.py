"""How far annotators are relied upon and what follows: settings, and an admin's own choice."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from labeling.errors import NotFound
from labeling.forms.trust import UseForm
from labeling.http import SignedInRequest, signed_in
from labeling.models import Level, Membership
from labeling.quality.reliability import weight
from labeling.selectors.access import MANAGERS, membership_in
from labeling.selectors.figures import annotator_called
from labeling.selectors.labels import pseudonym
from labeling.selectors.reliabilities import reliabilities_of, training_weights, trusts
from labeling.services.projects import update_project
from labeling.services.trust import choose


@require_POST
@signed_in
def weights(request: SignedInRequest, slug: str) -> HttpResponse:
    """Say how judgements of people who are compared are used."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    form = UseForm(request.POST, instance=membership.project)
    if form.is_valid():
        membership.project.refresh_from_db()  # the form has filled it in
        update_project(project=membership.project, changed_by=request.user, **form.cleaned_data)
        messages.success(request, gettext("The settings are saved."))
    else:
        messages.error(request, " ".join(str(text) for texts in form.errors.values() for text in texts))
    return redirect("quality", slug)


@require_POST
@signed_in
def choose_level(request: SignedInRequest, slug: str, name: str) -> HttpResponse:
    """Say how far somebody's judgements are used, or leave it to the figures."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    found = annotator_called(membership.project, name)
    if found is None:
        raise NotFound(gettext("there is nobody called {name!r} in {slug}").format(name=name, slug=slug))
    level = request.POST.get("level") or None
    choose(project=membership.project, user_id=found, level=level, chosen_by=request.user)
    messages.success(request, gettext("This is how their judgements are used from now on."))
    return redirect("quality", slug)


def shown_trust(membership: Membership) -> dict[str, Any]:
    """How far each annotator can be relied upon, with what they are called and what is decided."""
    project, by_name = membership.project, membership.role in MANAGERS
    decided, used = trusts(project), training_weights(project.pk)
    rows = []
    for row in reliabilities_of(project):
        called = pseudonym(project.pk, row.annotator_id)
        trust = decided.get(row.annotator_id)
        rows.append(
            {
                "name": row.annotator.get_username() if by_name else called,
                "called": called,
                "row": row,
                "weight": used.get(row.annotator_id, weight(row.value)),
                "trust": trust,
                "chosen": trust.level if trust is not None and trust.chosen_by_id else "",
            }
        )
    shown: dict[str, Any] = {"reliabilities": rows, "levels": Level.choices}
    if by_name:
        shown["use_form"] = UseForm(instance=project)
    return shown
