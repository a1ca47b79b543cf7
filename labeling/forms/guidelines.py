"""What admins send about guidelines."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from labeling.services.guidelines import MAX_CHANGE_CHARACTERS
from labeling.services.texts import MAX_CHARACTERS


class GuidelinesForm(forms.Form):
    """A new version of a project's guidelines."""

    text = forms.CharField(
        label=_("Text"),
        help_text=_("Markdown. A version is never changed: each one that you save is kept."),
        required=False,
        strip=False,
        max_length=MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 18, "dir": "auto"}),
    )
    change = forms.CharField(
        label=_("What changed"),
        help_text=_("A sentence for the people who go by it. They see it once, with the difference word by word."),
        required=False,
        max_length=MAX_CHANGE_CHARACTERS,
    )
    follows = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)

    def clean_text(self) -> str:
        """Line ends of one character: a form sends two where a person made one."""
        text: str = self.cleaned_data["text"]
        return text.replace("\r\n", "\n")
