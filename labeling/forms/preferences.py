"""What people choose for themselves."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from labeling.models import Topic
from labeling.services.preferences import MAX_BREAK_MINUTES


class PreferencesForm(forms.Form):
    """What a person chooses for themselves."""

    DEFAULT_MINUTES = 50

    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=[
            ("", _("as my browser asks for")),
            *((code, get_language_info(code)["name_local"]) for code, _name in settings.LANGUAGES),
        ],
    )
    opted_out = forms.MultipleChoiceField(
        label=_("Topics that I do not want to see"),
        help_text=_("The queue does not serve you items of these topics, in any project. Nobody is told."),
        choices=Topic.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    reminds = forms.BooleanField(label=_("Remind me to take breaks"), required=False)
    break_minutes = forms.IntegerField(
        label=_("Minutes of active work until a reminder"),
        min_value=1,
        max_value=MAX_BREAK_MINUTES,
        required=False,
        initial=DEFAULT_MINUTES,
    )

    def clean(self) -> dict[str, Any]:
        """No reminder is 0 minutes."""
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.pop("reminds", False):
            cleaned["break_minutes"] = 0
        elif cleaned.get("break_minutes") is None and "break_minutes" not in self.errors:
            cleaned["break_minutes"] = self.DEFAULT_MINUTES
        return cleaned
