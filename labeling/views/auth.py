"""Signing in and out."""

from __future__ import annotations

import time
from typing import Any

from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from labeling.errors import NotAllowed
from labeling.forms.people import SignInForm
from labeling.services.second_factor import has_second_factor
from labeling.sessions import BEGUN, DEVICE

PENDING = "second_step"
SECONDS_FOR_CODE = 300


class SignInView(LoginView):
    """The login page; 429 with the time to wait for who guesses."""

    template_name = "labeling/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        """Signed in, or on to the second step."""
        user = form.get_user()
        if has_second_factor(user):
            until = time.time() + SECONDS_FOR_CODE
            pending = {
                "user": user.pk,
                "until": until,
                "next": self.get_success_url(),
                "hash": user.get_session_auth_hash(),
            }
            self.request.session[PENDING] = pending
            return redirect("login-code")
        answer = super().form_valid(form)
        note_device(self.request)
        return answer

    def form_invalid(self, form: Any) -> HttpResponse:
        """The page again, with what was wrong."""
        answer = super().form_invalid(form)
        if form.seconds:
            answer.status_code = 429
            answer["Retry-After"] = str(form.seconds)
        return answer


sign_in = SignInView.as_view()
sign_out = LogoutView.as_view()


def note_device(request: HttpRequest) -> None:
    """Remember with the session which device it is on, and since when."""
    request.session[DEVICE] = request.headers.get("User-Agent", "")[:300]
    request.session[BEGUN] = timezone.now().isoformat()


@require_safe
def admin_login(request: HttpRequest) -> HttpResponse:
    """Django's admin has no login of its own: there is one door.

    Raises:
        NotAllowed: signed in, and not as somebody who may go there.
    """
    if request.user.is_authenticated:
        raise NotAllowed(gettext("this is for the staff of this installation"))
    leads_to = request.GET.get("next") or reverse("admin:index")
    return redirect(f"{reverse('login')}?{urlencode({'next': leads_to})}")
