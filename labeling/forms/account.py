"""What people send about their own account: a second factor, a password to be sure, a name to be deleted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from labeling.errors import TooManyAttempts
from labeling.forms.people import EraseForm
from labeling.http import address_of
from labeling.models import User
from labeling.services.logins import sign_in
from labeling.services.second_factor import WRONG_CODE, try_code


class Guessable(forms.Form):
    """A form in which something can be guessed: who fails too often has to wait (``seconds``)."""

    seconds = 0

    def __init__(self, *args: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.user = request, user

    def wait(self, field: str, error: TooManyAttempts) -> None:
        """Say how long."""
        self.seconds = error.seconds
        self.add_error(field, error.message)

    @property
    def status(self) -> int:
        """Of the page that shows what is wrong."""
        return 429 if self.seconds else 422


class PasswordForm(Guessable):
    """The password once more, so that nobody changes the account at a screen that was left alone."""

    password = forms.CharField(
        label=_("Your password, to be sure"),
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def clean_password(self) -> str:
        """The right one."""
        password: str = self.cleaned_data["password"]
        try:
            found = sign_in(username=self.user.get_username(), password=password, address=address_of(self.request))
        except TooManyAttempts as error:
            self.wait("password", error)
        else:
            if found != self.user:
                raise forms.ValidationError(_("This is not your password."))
        return password


class NewPasswordForm(PasswordChangeForm):
    """Another password. The old one can't be guessed here any faster than at the login page."""

    status = 422

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        """The right one."""
        try:
            admitted = sign_in(
                username=self.user.get_username(),
                password=self.cleaned_data["old_password"],
                address=address_of(self.request),
            )
        except TooManyAttempts as error:
            self.status = 429
            raise forms.ValidationError(error.message) from None
        if admitted != self.user:
            raise forms.ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        old: str = self.cleaned_data["old_password"]
        return old


class CodeForm(Guessable):
    """A code of the second factor."""

    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autofocus": True, "autocapitalize": "characters"}
        ),
        help_text=_("The six digits that the app on your phone shows, or one of your recovery codes."),
    )


class SignInCodeForm(CodeForm):
    """The second step of signing in: the code is tried, and used up when it is right."""

    def clean_code(self) -> str:
        """A right one."""
        code: str = self.cleaned_data["code"]
        try:
            is_right = try_code(user=self.user, code=code, address=address_of(self.request))
        except TooManyAttempts as error:
            self.wait("code", error)
        else:
            if not is_right:
                raise forms.ValidationError(_(WRONG_CODE))
        return code


class EraseMeForm(EraseForm, PasswordForm):
    """Name and password, said twice in this way."""

    field_order = ("username", "password")

    def __init__(self, *args: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        super().__init__(*args, person=user, request=request, user=user, **kwargs)
