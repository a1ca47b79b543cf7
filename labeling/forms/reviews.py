"""What admins send about reviews."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from labeling.models import Project
from labeling.services.reviews import SETTINGS


class ReviewSettingsForm(forms.ModelForm):
    """Which items are reviewed."""

    class Meta:
        model = Project
        fields = SETTINGS
        labels = {
            "review_below": _("Review where fewer agree than, in %"),
            "reviews_harmful": _("Review harmful flags"),
        }
