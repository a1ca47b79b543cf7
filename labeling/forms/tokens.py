"""What people send from the page of their tokens."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from labeling.models import Scope


class TokenForm(forms.Form):
    """A new token: what for, how much, how long."""

    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("What it is for, like: notebook on the cluster.")
    )
    scopes = forms.MultipleChoiceField(
        label=_("May be used to"),
        help_text=_("Within what your role in a project allows. Take what the program needs and no more."),
        choices=[(scope.value, scope.label) for scope in Scope],
        initial=[Scope.READ],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Turn on one thing at least.")},
    )
    days = forms.TypedChoiceField(
        label=_("Ends"),
        coerce=int,
        choices=[
            (7, _("in a week")),
            (30, _("in 30 days")),
            (90, _("in 90 days")),
            (365, _("in a year")),
            (0, _("never")),
        ],
        initial=90,
    )

    def as_token(self) -> dict[str, Any]:
        """The arguments of services.tokens.create_token."""
        given = self.cleaned_data
        expires = timezone.now() + dt.timedelta(days=given["days"]) if given["days"] else None
        return {"name": given["name"], "scopes": given["scopes"], "expires": expires}
