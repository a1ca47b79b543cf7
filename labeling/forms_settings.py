"""What people send from the page of a project's settings, beside the settings."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from labeling.models.projects import SLUG


class CloneForm(forms.Form):
    """A project that begins as this one is."""

    name = forms.CharField(label=_("Name"), max_length=200)
    slug = forms.CharField(
        label=_("Address"),
        max_length=50,
        validators=[SLUG],
        help_text=_("Stands in links and exports and never changes: lower-case letters, digits and hyphens."),
    )
    with_prompts = forms.BooleanField(label=_("With its prompts"), required=False)
