"""Who works in a project, for its admins."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labeling.errors import Conflict, Invalid
from labeling.forms.people import EraseForm, MemberForm, PlaceForm
from labeling.http import SignedInRequest, signed_in
from labeling.models import Membership, Role
from labeling.selectors.access import MANAGERS, members, membership_in
from labeling.selectors.labels import last_seen, pseudonym
from labeling.selectors.people import member_of
from labeling.services.erasure import erase_person, may_erase
from labeling.services.people import Invited, invite
from labeling.services.projects import set_member


@require_safe
@signed_in
def people(request: SignedInRequest, slug: str) -> HttpResponse:
    """The members with what they did."""
    return show(request, membership_in(slug, user=request.user, roles=MANAGERS), MemberForm())


@require_POST
@never_cache
@signed_in
def add(request: SignedInRequest, slug: str) -> HttpResponse:
    """Add an account that exists, or make one; its password is shown once, in this reply."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    form = MemberForm(request.POST)
    if not form.is_valid():
        return show(request, membership, form, status=422)
    try:
        invited = invite(project=membership.project, changed_by=request.user, **form.cleaned_data)
    except (Invalid, Conflict) as error:
        form.add_error("username", error.message)
        return show(request, membership, form, status=422)
    return show(request, membership, MemberForm(), invited=invited)


@require_POST
@signed_in
def change(request: SignedInRequest, slug: str, user_id: int) -> HttpResponse:
    """Change a member's role, group or limit, or whether they take part."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    member = member_of(membership.project, user_id)
    form = PlaceForm(request.POST, project=membership.project)
    if not form.is_valid():
        raise Invalid(" ".join(str(error) for errors in form.errors.values() for error in errors))
    set_member(project=membership.project, user=member.user, changed_by=request.user, **form.cleaned_data)
    messages.success(request, gettext("%(name)s is saved.") % {"name": member.user})
    return redirect("people", slug)


@require_safe
@never_cache
@signed_in
def erase(request: SignedInRequest, slug: str, user_id: int) -> HttpResponse:
    """Say what goes and what stays when a member's personal data are deleted."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    member = member_of(membership.project, user_id)
    return show_erasure(request, membership, member, EraseForm(person=member.user))


@require_POST
@signed_in
def erase_now(request: SignedInRequest, slug: str, user_id: int) -> HttpResponse:
    """Delete a member's personal data once their name was typed."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    member = member_of(membership.project, user_id)
    form = EraseForm(request.POST, person=member.user)
    if not form.is_valid():
        return show_erasure(request, membership, member, form)
    erase_person(person=member.user, actor=request.user)
    messages.success(request, gettext("The personal data are deleted. The labels stay."))
    return redirect("people", slug)


def show_erasure(request: SignedInRequest, membership: Membership, member: Membership, form: EraseForm) -> HttpResponse:
    """The question."""
    context = {
        "project": membership.project,
        "role": membership.role,
        "member": member,
        "pseudonym": pseudonym(membership.project_id, member.user_id),
        "may_erase": may_erase(person=member.user, actor=request.user),
        "form": form,
    }
    return render(request, "labeling/erase.html", context, status=422 if form.errors else 200)


def show(
    request: SignedInRequest,
    membership: Membership,
    form: MemberForm,
    *,
    invited: Invited | None = None,
    status: int = 200,
) -> HttpResponse:
    """The list with the form for new members."""
    context = {
        "project": membership.project,
        "role": membership.role,
        "members": members(membership.project).annotate(last_label=last_seen(membership.project)),
        "roles": Role.choices,
        "groups": membership.project.groups.all(),
        "form": form,
        "invited": invited,
    }
    return render(request, "labeling/people.html", context, status=status)
