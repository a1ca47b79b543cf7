"""What people send about themselves and each other: signing in, invitations, members, groups."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm

from labeling.errors import TooManyAttempts
from labeling.http import address_of
from labeling.services.logins import sign_in


class SignInForm(AuthenticationForm):
    """Name and password. Who guesses too often has to wait (``seconds``)."""

    seconds = 0

    def clean(self) -> dict[str, Any]:
        """The account that they belong to."""
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if username and password:
            assert self.request is not None, "the view gives its request"
            try:
                user = sign_in(username=username, password=password, address=address_of(self.request))
            except TooManyAttempts as error:
                self.seconds = error.seconds
                self.add_error(None, error.message)
                return self.cleaned_data
            if user is None:
                raise self.get_invalid_login_error()
            self.confirm_login_allowed(user)
            self.user_cache = user
        return self.cleaned_data
