"""A person's own account: password, where they are signed in, and the end of it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from labeling.forms.account import EraseMeForm, NewPasswordForm
from labeling.http import SignedInRequest, signed_in
from labeling.selectors.sessions import device_name, sessions_of
from labeling.services.erasure import erase_person
from labeling.services.passwords import change_password
from labeling.services.sessions import end_others, end_session, name_of
from labeling.views.auth import note_device


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@signed_in
def password(request: SignedInRequest) -> HttpResponse:
    """Another password; every other browser is signed out."""
    form = NewPasswordForm(request.user, request.POST if request.method == "POST" else None, request=request)
    if request.method == "POST" and form.is_valid():
        change_password(user=request.user, new=form.cleaned_data["new_password1"], keep=request.session.session_key)
        update_session_auth_hash(request, request.user)  # this browser stays signed in, under a new key
        note_device(request)
        messages.success(request, gettext("Your password is changed, and all other browsers are signed out."))
        return redirect("preferences")
    return render(request, "labeling/password.html", {"form": form}, status=form.status if form.errors else 200)


@require_safe
@never_cache
@signed_in
def sessions(request: SignedInRequest) -> HttpResponse:
    """Where the person is signed in."""
    rows = [
        (row, name_of(row), device_name(row.device), row.session_key == request.session.session_key)
        for row in sessions_of(request.user)
    ]
    return render(request, "labeling/sessions.html", {"sessions": rows})


@require_POST
@signed_in
def end(request: SignedInRequest) -> HttpResponse:
    """End one session, or all but this one."""
    if "others" in request.POST:
        ended = end_others(user=request.user, keep=request.session.session_key)
        said = ngettext("%(count)d other session is ended.", "%(count)d other sessions are ended.", ended)
        messages.success(request, said % {"count": ended})
        return redirect("sessions")
    end_session(user=request.user, name=request.POST.get("name", ""))
    messages.success(request, gettext("The session is ended."))
    return redirect("sessions")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@signed_in
def erase_me(request: SignedInRequest) -> HttpResponse:
    """Delete one's own personal data, once name and password were said."""
    form = EraseMeForm(request.POST if request.method == "POST" else None, request=request, user=request.user)
    if request.method == "POST" and form.is_valid():
        erase_person(person=request.user, actor=request.user)
        logout(request)
        return render(request, "labeling/erased.html")
    context = {"form": form, "may_erase": True}
    return render(request, "labeling/erase_me.html", context, status=form.status if form.errors else 200)
