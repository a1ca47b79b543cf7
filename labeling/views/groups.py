"""Groups of a project's members, for its admins."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labeling.errors import Conflict, Invalid
from labeling.forms.people import GroupForm
from labeling.http import SignedInRequest, signed_in
from labeling.models import Membership
from labeling.selectors.access import MANAGERS, membership_in
from labeling.selectors.people import group_of, groups_of
from labeling.services.groups import make_group, remove_group, rename_group


@require_safe
@never_cache
@signed_in
def groups(request: SignedInRequest, slug: str) -> HttpResponse:
    """The groups with how many people are in each, and a form for another."""
    return show(request, membership_in(slug, user=request.user, roles=MANAGERS), GroupForm())


@require_POST
@signed_in
def make(request: SignedInRequest, slug: str) -> HttpResponse:
    """Make a group."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    form = GroupForm(request.POST)
    if form.is_valid():
        try:
            make_group(project=membership.project, name=form.cleaned_data["name"], changed_by=request.user)
        except (Invalid, Conflict) as error:
            form.add_error("name", error.message)
    if form.errors:
        return show(request, membership, form, status=422)
    messages.success(request, gettext("The group is made. Put people into it in the list of people."))
    return redirect("groups", slug)


@require_POST
@signed_in
def change(request: SignedInRequest, slug: str, group_id: int) -> HttpResponse:
    """Rename a group, or remove it."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    group = group_of(membership.project, group_id)
    if "remove" in request.POST:
        remove_group(group=group, changed_by=request.user)
        messages.success(request, gettext("The group is removed. Its people stay in the project."))
        return redirect("groups", slug)
    rename_group(group=group, name=request.POST.get("name", ""), changed_by=request.user)
    messages.success(request, gettext("The name is saved."))
    return redirect("groups", slug)


def show(request: SignedInRequest, membership: Membership, form: GroupForm, *, status: int = 200) -> HttpResponse:
    """The list."""
    context = {
        "project": membership.project,
        "role": membership.role,
        "groups": groups_of(membership.project),
        "form": form,
    }
    return render(request, "labeling/groups.html", context, status=status)
