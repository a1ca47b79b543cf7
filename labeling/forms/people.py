"""What people send about themselves and each other: signing in, invitations, members, groups."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _

from labeling.errors import TooManyAttempts
from labeling.http import address_of
from labeling.models import ACTIONS, Group, Project, Role, User
from labeling.models.groups import MAX_USES
from labeling.models.projects import MAX_DAILY
from labeling.selectors.audit import people_of
from labeling.services.groups import MAX_NAME
from labeling.services.invitations import MAX_DAYS
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
        self.fields["person"].choices = [("", _("everybody")), *everybody]  # type: ignore[attr-defined]  # a choice field
        self.fields["action"].choices = [("", _("everything")), *ACTIONS.items()]  # type: ignore[attr-defined]  # a choice field


class MemberForm(forms.Form):
    """Somebody to add: an account that exists, or a new one with a generated password."""

    username = forms.CharField(label=_("User name"), max_length=150)
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.ANNOTATOR)


class PlaceForm(forms.Form):
    """A member's role, group and limit, and whether they still take part."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    is_active = forms.BooleanField(label=_("Takes part"), required=False)
    group = forms.ModelChoiceField(Group.objects.none(), required=False)
    daily_limit = forms.IntegerField(required=False, min_value=0, max_value=MAX_DAILY)

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["group"].queryset = project.groups.all()  # type: ignore[attr-defined]  # a model choice field


class GroupForm(forms.Form):
    """A group's name."""

    name = forms.CharField(label=_("Name of the group"), max_length=MAX_NAME)


class InvitationForm(forms.Form):
    """What a link gives, to how many people, for how long."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.ANNOTATOR)
    group = forms.ModelChoiceField(Group.objects.none(), label=_("Group"), required=False, empty_label=_("no group"))
    max_uses = forms.IntegerField(label=_("For how many people"), min_value=1, max_value=MAX_USES, initial=1)
    days = forms.IntegerField(label=_("For how many days"), min_value=1, max_value=MAX_DAYS, initial=7)

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["group"].queryset = project.groups.all()  # type: ignore[attr-defined]  # a model choice field


class RegisterForm(forms.Form):
    """A name and a password of one's own choice."""

    username = forms.CharField(
        label=_("User name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
        help_text=_("Others in the project see it. Letters, digits and @ . + - _"),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 8 characters; not one of those that everybody uses, and not like your name."),
    )
    again = forms.CharField(
        label=_("Password again"),
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_again(self) -> str:
        """The same as before."""
        again: str = self.cleaned_data["again"]
        if again != self.cleaned_data.get("password", again):
            raise forms.ValidationError(_("The two passwords are not the same."))
        return again


class EraseForm(forms.Form):
    """Said twice: the name has to be typed."""

    username = forms.CharField(
        label=_("The name, to be sure"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person = person

    def clean_username(self) -> str:
        """The person's."""
        username: str = self.cleaned_data["username"]
        if username != self.person.username:
            raise forms.ValidationError(_("That is not the name. Nothing was deleted."))
        return username
