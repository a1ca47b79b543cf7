"""What admins send from the page of a project's quality."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from labeling.models import Project
from labeling.services.trust import SETTINGS


class UseForm(forms.ModelForm):
    """How judgements of people who are compared are used, and how much is judged by more people to compare them."""

    class Meta:
        model = Project
        fields = SETTINGS
        labels = {
            "weighs_annotators": _("Weigh people in training"),
            "inverts_adversaries": _("Turn adversaries around"),
            "routes_away": _("Route items away"),
            "shared_percent": _("Prompts that more people judge, in %"),
            "shared_overlap": _("People who judge each of these"),
        }
