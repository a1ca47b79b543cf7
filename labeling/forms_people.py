"""What people send about themselves and each other: signing in, invitations, members, groups."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _

from labeling.errors import TooManyAttempts
from labeling.http import address_of
from labeling.models import ACTIONS, Project
from labeling.selectors.audit import people_of
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


class AuditForm(forms.Form):
    """Which entries of the audit log to show."""

    person = forms.TypedChoiceField(label=_("Person"), required=False, coerce=int, empty_value=None)
    action = forms.ChoiceField(label=_("What"), required=False)
    since = forms.DateField(label=_("Since"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        everybody = people_of(project).values_list("pk", "username")
        self.fields["person"].choices = [("", _("everybody")), *everybody]  # type: ignore[attr-defined]
        self.fields["action"].choices = [("", _("everything")), *ACTIONS.items()]  # type: ignore[attr-defined]
