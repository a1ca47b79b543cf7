"""Forms of the researcher's page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from labeling.errors import Invalid
from labeling.exports.streams import FileFormat
from labeling.exports.views import VIEWS
from labeling.models import Group, Kind, Project, Source
from labeling.selectors.selection import Selection, parse

FILE_FORMATS = {FileFormat.JSONL: "JSON Lines", FileFormat.PARQUET: "Parquet", FileFormat.CSV: "CSV"}

LABELS = {
    "comparisons": _("Comparisons, ties included"),
    "rankings": _("Whole judgements"),
    "ratings": _("Ratings and flags"),
    "trl": _("TRL: explicit preference, conversational"),
    "trl_explicit": _("TRL: explicit preference, texts"),
    "trl_implicit": _("TRL: implicit preference"),
    "trl_unpaired": _("TRL: unpaired preference (KTO)"),
    "openrlhf": _("OpenRLHF"),
    "hh": _("hh-rlhf"),
    "demonstrations": _("Demonstrations"),
    "conversations": _("Conversations"),
    "evaluations": _("Blind evaluations"),
    "prompts": _("Prompts alone"),
}
EITHER = [("", _("all")), ("true", _("only these")), ("false", _("without these"))]
DAY = forms.DateInput(attrs={"type": "date"})


class DataForm(forms.Form):
    """Which judgements, and how they are written."""

    view = forms.ChoiceField(label=_("Rows"), choices=[(name, LABELS[name]) for name in VIEWS], required=False)
    format = forms.ChoiceField(
        label=_("Format"), choices=[(each.value, label) for each, label in FILE_FORMATS.items()], required=False
    )
    kinds = forms.MultipleChoiceField(
        label=_("Kinds of judgement"), choices=Kind.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    sources = forms.MultipleChoiceField(
        label=_("Judged by"), choices=Source.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    groups = forms.MultipleChoiceField(label=_("Groups"), required=False, widget=forms.CheckboxSelectMultiple)
    since = forms.DateField(label=_("From this day (UTC)"), required=False, widget=DAY)
    until = forms.DateField(label=_("To before this day (UTC)"), required=False, widget=DAY)
    held_out = forms.ChoiceField(label=_("Held-out prompts"), choices=EITHER, required=False)
    extra = forms.ChoiceField(label=_("Judgements beyond the overlap"), choices=EITHER, required=False)
    superseded = forms.ChoiceField(
        label=_("Judgements that were revised"),
        choices=[("", _("without these")), ("with", _("all")), ("only", _("only these"))],
        required=False,
    )
    agreement = forms.FloatField(
        label=_("Least agreement"),
        min_value=0,
        max_value=1,
        required=False,
        help_text=_("Share of others who say the same, from 0 to 1; what nobody else judged is left out."),
    )
    tags = forms.CharField(label=_("Tags"), max_length=1000, required=False, help_text=_("With commas; one is enough."))
    policies = forms.CharField(
        label=_("Policy versions"), max_length=200, required=False, help_text=_("With commas, as 3, 4.")
    )
    annotators = forms.CharField(
        label=_("Annotators"), max_length=2000, required=False, help_text=_("Pseudonyms, with commas.")
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = Group.objects.filter(project=project).order_by("name").values_list("name", flat=True)
        chosen = self.fields["groups"]
        assert isinstance(chosen, forms.MultipleChoiceField)
        chosen.choices = [(name, name) for name in names]
        if not names:
            del self.fields["groups"]

    def clean(self) -> dict[str, Any]:
        """The filters fit together."""
        values = super().clean() or {}
        try:
            values["selection"] = self._selection(values)
        except Invalid as error:
            raise forms.ValidationError(error.message) from None
        return values

    def _selection(self, values: dict[str, Any]) -> Selection:
        words = {
            name: ",".join(value) if isinstance(value, list) else str(value)
            for name, value in values.items()
            if name not in {"view", "format"} and value not in (None, "", [])
        }
        return parse(words)


class ExportForm(forms.Form):
    """Which file of judgements to take away; the API makes it."""

    view = forms.ChoiceField(
        label=_("Rows"),
        choices=[
            ("comparisons", _("Comparisons, ties included")),
            ("rankings", _("Whole judgements")),
            ("trl", _("Preference pairs for TRL")),
            ("demonstrations", _("Demonstrations")),
            ("conversations", _("Conversations")),
            ("evaluations", _("Blind evaluations")),
        ],
    )
    format = forms.ChoiceField(label=_("Format"), choices=[(each.value, label) for each, label in FILE_FORMATS.items()])
