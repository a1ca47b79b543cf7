"""What admins send to get people ready."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from labeling.models import Project
from labeling.services.known import MAX_EXPLANATION_CHARACTERS, SETTINGS, NewKnown

NUM_TEXTS = 4
FEWEST_TOLD = 5


class ReadinessForm(forms.ModelForm):
    """How new annotators qualify, and how often an item with a known answer is mixed in later."""

    class Meta:
        model = Project
        fields = SETTINGS
        labels = {
            "qualification_items": _("Items of the qualification"),
            "qualification_mark": _("Pass mark in %"),
            "qualification_tries": _("Tries"),
            "qualification_feedback": _("Feedback after a try"),
            "known_percent": _("Mixed in later, in %"),
            "tells_at_once": _("Feedback after each item of it"),
            "tells_later": _("Summary of those mixed in"),
        }

    def clean_tells_later(self) -> int:
        """A summary of fewer than five would say too much about each."""
        every: int = self.cleaned_data["tells_later"]
        if 0 < every < FEWEST_TOLD:
            raise forms.ValidationError(_("Use 5 or more, so that nobody can tell which they were, or 0."))
        return every


class KnownForm(forms.Form):
    """One item with a known answer, written by hand: the completions in the right order."""

    prompt = forms.CharField(label=_("Prompt"), strip=False, widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}))
    explanation = forms.CharField(
        label=_("Why it is right"),
        help_text=_("For feedback, where the project gives it."),
        required=False,
        max_length=MAX_EXPLANATION_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        names = (_("Best completion"), _("Second"), _("Third"), _("Fourth"))
        for number, name in enumerate(names, start=1):
            self.fields[f"text_{number}"] = forms.CharField(
                label=name,
                required=number <= 2,
                strip=False,
                widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
            )

    @property
    def texts(self) -> list[forms.BoundField]:
        """The fields of the completions."""
        return [self[f"text_{number}"] for number in range(1, NUM_TEXTS + 1)]

    def known(self) -> NewKnown:
        """What was written; after is_valid."""
        cleaned = self.cleaned_data
        texts = [cleaned[f"text_{number}"].replace("\r\n", "\n") for number in range(1, NUM_TEXTS + 1)]
        texts = [text for text in texts if text.strip()]
        return NewKnown(
            messages=cleaned["prompt"].replace("\r\n", "\n"),
            texts=texts,
            ranks=list(range(1, len(texts) + 1)),
            explanation=cleaned["explanation"],
        )


class KnownFileForm(forms.Form):
    """A file of items with known answers."""

    file = forms.FileField(
        label=_("File"),
        help_text=_(
            'JSON lines of {"prompt", "completions": [{"text"}], "ranks" or "ratings" or "best", "explanation"},'
            " as rankings are exported; .gz is unpacked."
        ),
    )
