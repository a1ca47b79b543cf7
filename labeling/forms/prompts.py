"""What admins send from the pages of prompts: files, filters, and changes to everything that a filter finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from labeling.imports.formats import Format
from labeling.models import Topic
from labeling.selectors.prompts import PromptFilter
from labeling.services.prompt_changes import Action

YES_NO = [("", _("either")), ("yes", _("yes")), ("no", _("no"))]


class UploadForm(forms.Form):
    """A file with prompts, with or without judgements."""

    file = forms.FileField(
        label=_("File"), help_text=_("JSON lines, CSV or Parquet; .gz is unpacked. The name tells the kind.")
    )
    format = forms.ChoiceField(
        label=_("What a row holds"),
        initial=Format.PROMPTS,
        choices=[
            (Format.PROMPTS, _("prompts, with completions or without")),
            (Format.DEMONSTRATIONS, _("demonstrations: a prompt and what somebody wrote")),
            (Format.HH, _("hh-rlhf: chosen and rejected conversations")),
            (Format.TRL, _("TRL: prompt, chosen, rejected")),
            (Format.OPENRLHF, _("OpenRLHF")),
            (Format.UNPAIRED, _("TRL unpaired: a completion and whether it is desirable")),
            (Format.RANKED, _("completions with ranks or ratings, as exported here")),
            (Format.COMPARISONS, _("comparisons, as exported here")),
            (Format.RATINGS, _("ratings, as exported here")),
            (Format.CONVERSATIONS, _("whole conversations, as exported here")),
        ],
    )
    tags = forms.CharField(
        label=_("Tags"), required=False, help_text=_("Given to every prompt of the file, with commas between.")
    )
    keep_good = forms.BooleanField(label=_("Keep the good rows although others are bad"), required=False)


class FilterForm(forms.Form):
    """Which prompts the list shows, as the address says it; what is not understood is left out."""

    search = forms.CharField(label=_("Words, or an id of an export"), required=False, max_length=500)
    tag = forms.CharField(label=_("Tag"), required=False, max_length=60)
    source = forms.CharField(label=_("Source"), required=False, max_length=200)
    topic = forms.ChoiceField(
        label=_("Content warning"), required=False, choices=[("", _("any or none")), *Topic.choices]
    )
    held_out = forms.ChoiceField(label=_("Held out"), required=False, choices=YES_NO)
    has_items = forms.ChoiceField(label=_("Has items"), required=False, choices=YES_NO)
    has_demonstrations = forms.ChoiceField(label=_("Has demonstrations"), required=False, choices=YES_NO)
    archived = forms.ChoiceField(
        label=_("Archived"), required=False, choices=[("", _("no")), ("yes", _("yes")), ("both", _("either"))]
    )

    def __init__(self, data: Any, *, tags: list[str] | None = None, sources: list[str] | None = None) -> None:
        super().__init__(data, auto_id="filter_%s")
        for name, known in (("tag", tags), ("source", sources)):
            chosen = self.data.get(name, "")
            names = list(dict.fromkeys([*(known or []), *([chosen] if chosen else [])]))
            self.fields[name].widget = forms.Select(choices=[("", _("any or none")), *((each, each) for each in names)])

    def wanted(self) -> PromptFilter:
        """The filter."""
        self.is_valid()
        said = {name: str(value).strip() for name, value in self.cleaned_data.items()}
        truth = {"yes": True, "no": False}
        return PromptFilter(
            search=said.get("search", ""),
            tag=said.get("tag", ""),
            source=said.get("source", ""),
            topic=said.get("topic", ""),
            held_out=truth.get(said.get("held_out", "")),
            has_items=truth.get(said.get("has_items", "")),
            has_demonstrations=truth.get(said.get("has_demonstrations", "")),
            archived={"yes": True, "both": None}.get(said.get("archived", ""), False),
        )

    def as_query(self) -> dict[str, str]:
        """What was chosen, for an address or for hidden fields."""
        self.is_valid()
        return {name: str(value) for name, value in self.cleaned_data.items() if value}


class ChangeForm(forms.Form):
    """What to do to every prompt that was found."""

    action = forms.ChoiceField(label=_("What"), choices=Action.choices)
    value = forms.CharField(
        label=_("Tag, priority or content warning"),
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"list": "known-values"}),
    )
    expected = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)


class TagsForm(forms.Form):
    """The tags of a prompt."""

    tags = forms.CharField(label=_("Tags"), required=False, help_text=_("With commas between."))


class TopicsForm(forms.Form):
    """The sensitive topics of a prompt."""

    topics = forms.MultipleChoiceField(
        label=_("Content warning"),
        help_text=_("Items of this prompt are shown behind a warning that names these topics."),
        choices=Topic.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )


class PromptsForm(forms.Form):
    """New prompts, one per line."""

    prompts = forms.CharField(
        label=_("Prompts"), help_text=_("One prompt per line."), widget=forms.Textarea(attrs={"rows": 6})
    )

    def clean_prompts(self) -> Sequence[str]:
        """The lines that hold something."""
        return [line.strip() for line in self.cleaned_data["prompts"].splitlines() if line.strip()]
