"""What people send to change how people are asked."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from alignment.models import LoopSettings
from alignment.models.asking import ASKING_FIELDS


class AskingForm(forms.ModelForm):
    """Who writes for the queue, and how it is chosen what people see."""

    class Meta:
        model = LoopSettings
        fields = ASKING_FIELDS
        labels = {
            "rule": _("Rule"),
            "random_share": _("Share at random"),
            "candidates": _("Candidates per prompt"),
            "prompts_considered": _("Prompts considered"),
            "past_versions": _("Past versions"),
            "newest_writes": _("The newest version writes, too"),
            "sft_writes": _("The fine-tuned version writes, too"),
            "stale_after": _("Out of date after"),
        }
