"""How a project names its people outside: what another way does is said before it is done."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from labeling.confirming import ask, is_confirmed
from labeling.http import SignedInRequest, signed_in
from labeling.selectors.access import MANAGERS, membership_in
from labeling.selectors.pseudonyms import renaming_of
from labeling.services.archive import check_open
from labeling.services.pseudonyms import key_pseudonyms


@require_POST
@signed_in
def key_names(request: SignedInRequest, slug: str) -> HttpResponse:
    """Make pseudonyms with a secret: sent, what that does, and sent once more, the change."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    project = membership.project
    found = renaming_of(project)
    if "back" in request.POST:
        return redirect("project-settings", slug)
    if not found.is_keyed and not is_confirmed(request):
        check_open(project)
        return ask(
            request,
            {"project": project, "role": membership.role},
            effects=[{"label": heading, "text": text} for heading, text in found.texts],
            save=gettext("Make new pseudonyms"),
            back=gettext("Back to the settings"),
        )
    key_pseudonyms(project=project, changed_by=request.user)
    messages.success(request, gettext("The pseudonyms are made with a secret of the project now."))
    return redirect("project-settings", slug)
