"""Links that invite people: made by admins, followed by anybody who has one."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from labeling.errors import Conflict, Invalid
from labeling.forms.people import InvitationForm, RegisterForm
from labeling.http import SignedInRequest, signed_in
from labeling.models import Membership
from labeling.selectors.access import MANAGERS, membership_in
from labeling.selectors.people import invitation_of, invitations_of
from labeling.services.invitations import Made, accept, find_invitation, make_invitation, register, revoke_invitation
from labeling.views.auth import note_device


@require_safe
@never_cache
@signed_in
def invitations(request: SignedInRequest, slug: str) -> HttpResponse:
    """The links with what became of them, and a form for another."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    return show(request, membership, InvitationForm(project=membership.project))


@require_POST
@never_cache
@signed_in
def make(request: SignedInRequest, slug: str) -> HttpResponse:
    """Make a link; it is shown once, in this reply."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    form = InvitationForm(request.POST, project=membership.project)
    if not form.is_valid():
        return show(request, membership, form, status=422)
    made = make_invitation(project=membership.project, author=request.user, **form.cleaned_data)
    return show(request, membership, InvitationForm(project=membership.project), made=made)


@require_POST
@signed_in
def revoke(request: SignedInRequest, slug: str, invitation_id: int) -> HttpResponse:
    """End a link."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    revoke_invitation(invitation=invitation_of(membership.project, invitation_id), changed_by=request.user)
    messages.success(request, gettext("The link does not work any more. Who joined by it stays."))
    return redirect("invitations", slug)


def show(
    request: SignedInRequest,
    membership: Membership,
    form: InvitationForm,
    *,
    made: Made | None = None,
    status: int = 200,
) -> HttpResponse:
    """The list."""
    context = {
        "project": membership.project,
        "role": membership.role,
        "invitations": invitations_of(membership.project),
        "form": form,
        "link": request.build_absolute_uri(reverse("join", args=[made.token])) if made else "",
    }
    return render(request, "labeling/invitations.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Follow a link: with the account that is signed in, or with a new one.

    Raises:
        NotFound, Conflict, NotAllowed: the link is not good, or not for them (services.invitations).
    """
    invitation = find_invitation(token)
    context = {"invitation": invitation, "project": invitation.project, "token": token}
    if request.user.is_authenticated:
        if request.method == "POST":
            place = accept(token=token, user=request.user)
            return welcome(request, place)
        if invitation.project.memberships.filter(user=request.user, is_active=True).exists():
            return redirect("project", invitation.project.slug)
        return render(request, "labeling/join.html", context)
    form = RegisterForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            place = register(
                token=token, username=form.cleaned_data["username"], password=form.cleaned_data["password"]
            )
        except (Invalid, Conflict) as error:
            form.add_error(None, error.message)
        else:
            login(request, place.user, backend="django.contrib.auth.backends.ModelBackend")
            note_device(request)
            return welcome(request, place)
    return render(request, "labeling/join.html", {**context, "form": form}, status=422 if form.errors else 200)


def welcome(request: HttpRequest, place: Membership) -> HttpResponse:
    """To the project that somebody joined."""
    messages.success(request, gettext("Welcome! You are in %(project)s now.") % {"project": place.project.name})
    return redirect("project", place.project.slug)
