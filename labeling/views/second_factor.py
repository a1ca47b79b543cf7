"""A second factor: asked for at signing in, turned on and off in the settings."""

from __future__ import annotations

import time
from typing import Any

import segno
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from labeling.errors import Invalid
from labeling.forms.account import CodeForm, PasswordForm, SignInCodeForm
from labeling.http import AFTER_SECOND_FACTOR, SignedInRequest, signed_in
from labeling.models import RecoveryCode, SecondFactor, User
from labeling.services.second_factor import begin, confirm, renew_codes, secret_of, setup_address, turn_off
from labeling.views.auth import PENDING, note_device


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """The second step of signing in; the first is good for five minutes."""
    pending = request.session.get(PENDING, {})
    user = User.objects.filter(pk=pending.get("user"), is_active=True).first()
    if user is None or pending["until"] < time.time() or pending["hash"] != user.get_session_auth_hash():
        request.session.pop(PENDING, None)
        return redirect("login")
    form = SignInCodeForm(request.POST if request.method == "POST" else None, request=request, user=user)
    if request.method == "POST" and form.is_valid():
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        request.session.pop(PENDING, None)
        note_device(request)
        leads_to = pending["next"]
        is_here = url_has_allowed_host_and_scheme(
            leads_to, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )
        return redirect(leads_to if is_here else "home")
    answer = render(request, "labeling/login_code.html", {"form": form}, status=form.status if form.errors else 200)
    if form.seconds:
        answer["Retry-After"] = str(form.seconds)
    return answer


@require_safe
@never_cache
@signed_in
def second_factor(request: SignedInRequest) -> HttpResponse:
    """Whether it is on, and what can be done."""
    return show(request, PasswordForm(request=request, user=request.user))


@require_POST
@never_cache
@signed_in
def change(request: SignedInRequest) -> HttpResponse:
    """Begin to turn it on, turn it off, or make other recovery codes; each with the password."""
    form = PasswordForm(request.POST, request=request, user=request.user)
    if not form.is_valid():
        return show(request, form, status=form.status)
    empty = PasswordForm(request=request, user=request.user)
    if "off" in request.POST:
        turn_off(request.user)
        messages.success(request, gettext("The second factor is off."))
        return redirect("second-factor")
    if "codes" in request.POST:
        return show(request, empty, codes=renew_codes(request.user))
    return show_setup(request, begin(request.user), CodeForm(request=request, user=request.user))


@require_POST
@never_cache
@signed_in
def turn_on(request: SignedInRequest) -> HttpResponse:
    """Turn it on with the first code that the phone shows."""
    form = CodeForm(request.POST, request=request, user=request.user)
    codes: list[str] = []
    if form.is_valid():
        try:
            codes = confirm(user=request.user, code=form.cleaned_data["code"])
        except Invalid as error:
            form.add_error("code", error.message)
    factor = SecondFactor.objects.filter(user=request.user).first()
    if form.errors and factor is not None and factor.confirmed is None:
        return show_setup(request, factor, form, status=422)
    return show(request, PasswordForm(request=request, user=request.user), codes=codes)


def show_setup(request: SignedInRequest, factor: SecondFactor, form: CodeForm, *, status: int = 200) -> HttpResponse:
    """The picture for the phone, and the field for its first code."""
    address, secret = setup_address(factor), secret_of(factor)
    form.fields["code"].help_text = gettext("The six digits that the app shows now.")
    picture = segno.make(address, error="m", micro=False).svg_inline(border=3, dark="#000", light="#fff", omitsize=True)
    context = {
        "form": form,
        "picture": mark_safe(picture),  # drawn here, of digits and letters
        "secret": " ".join(secret[place : place + 4] for place in range(0, len(secret), 4)),
        "address": address,
    }
    return render(request, "labeling/second_factor_setup.html", context, status=status)


def show(
    request: SignedInRequest, form: PasswordForm, *, codes: list[str] | None = None, status: int = 200
) -> HttpResponse:
    """The page; recovery codes in this reply only."""
    factor = SecondFactor.objects.filter(user=request.user, confirmed__isnull=False).first()
    context: dict[str, Any] = {"form": form, "factor": factor, "codes": codes}
    context["led"] = request.session.get(AFTER_SECOND_FACTOR)
    if factor is not None and codes is None:  # the way on was offered beside the codes
        request.session.pop(AFTER_SECOND_FACTOR, None)
    if factor is not None:
        context["num_codes"] = RecoveryCode.objects.filter(factor=factor, used__isnull=True).count()
    return render(request, "labeling/second_factor.html", context, status=status)
