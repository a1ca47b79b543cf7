"""What people send from pages, turned into what services take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from labeling.exports.streams import FileFormat
from labeling.imports.files import Format
from labeling.models import Flag, Kind, Project, Role
from labeling.selectors.queue import Sheet
from labeling.services.projects import SETTINGS
from labeling.services.verdicts import MAX_NOTES_CHARACTERS, MAX_SECONDS, Verdict

FILE_FORMATS = {FileFormat.JSONL: "JSON Lines", FileFormat.PARQUET: "Parquet", FileFormat.CSV: "CSV"}
RATINGS = [str(value) for value in range(1, 8)]
# Letters of the flags' own words; s (skip), u (back), n (notes) and ? are taken.
FLAG_KEYS = {
    Flag.FAILS_TASK: "f",
    Flag.INAPPROPRIATE: "i",
    Flag.HALLUCINATION: "h",
    Flag.SATISFIES_CONSTRAINTS: "c",
    Flag.SEXUAL: "x",
    Flag.VIOLENT: "v",
    Flag.ENCOURAGES_HARM: "e",
    Flag.DENIGRATES: "d",
    Flag.HARMFUL_ADVICE: "a",
    Flag.OPINION: "o",
    Flag.MORAL_JUDGMENT: "m",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One completion on the judging page, with what is filled in for it."""

    id: int
    text: str
    rating: str
    flags: list[str]
    place: str
    errors: list[str]


class ExportForm(forms.Form):
    """Which file of judgements to take away; the API makes it."""

    view = forms.ChoiceField(
        label=_("Rows"),
        choices=[
            ("comparisons", _("Comparisons, ties included")),
            ("rankings", _("Whole judgements")),
            ("trl", _("Preference pairs for TRL")),
            ("demonstrations", _("Demonstrations")),
        ],
    )
    format = forms.ChoiceField(label=_("Format"), choices=[(each.value, label) for each, label in FILE_FORMATS.items()])


class JudgementForm(forms.Form):
    """A verdict on one sheet: a rating, flags and a place for each completion, and notes.

    Places are the numbered slots of the page and may have gaps; ranks are the places closed up.
    """

    client_id = forms.UUIDField(widget=forms.HiddenInput)
    seconds = forms.FloatField(min_value=0, max_value=MAX_SECONDS, required=False, widget=forms.HiddenInput)
    notes = forms.CharField(
        required=False, max_length=MAX_NOTES_CHARACTERS, strip=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, data: Any = None, *, sheet: Sheet) -> None:
        super().__init__(data, initial=None if data is not None else initial_work(sheet))
        self.sheet = sheet
        places = [("", _("not ranked yet")), *((str(n), str(n)) for n in range(1, len(sheet.completions) + 1))]
        flags = [(flag, Flag(flag).label) for flag in sheet.flags]
        for shown in sheet.completions:
            self.fields[f"rating-{shown.id}"] = forms.ChoiceField(
                choices=[(value, value) for value in RATINGS],
                error_messages={
                    "required": _("Rate it from 1 to 7."),
                    "invalid_choice": _("Use a rating from 1 to 7."),
                },
            )
            self.fields[f"flags-{shown.id}"] = forms.MultipleChoiceField(required=False, choices=flags)
            self.fields[f"place-{shown.id}"] = forms.ChoiceField(
                choices=places, error_messages={"required": _("Give it a place in the ranking.")}
            )

    def rows(self) -> list[Row]:
        """The completions in the order shown, each with what is filled in."""
        return [
            Row(
                id=shown.id,
                text=shown.text,
                rating=str(self[f"rating-{shown.id}"].value() or ""),
                flags=list(self[f"flags-{shown.id}"].value() or []),
                place=str(self[f"place-{shown.id}"].value() or ""),
                errors=[
                    str(error)
                    for name in ("rating", "flags", "place")
                    for error in (self[f"{name}-{shown.id}"].errors if self.is_bound else [])
                ],
            )
            for shown in self.sheet.completions
        ]

    def verdict(self) -> Verdict:
        """What was decided; after is_valid."""
        ids = [shown.id for shown in self.sheet.completions]
        cleaned = self.cleaned_data
        return Verdict(
            ratings={pk: int(cleaned[f"rating-{pk}"]) for pk in ids},
            ranks=close_up({pk: int(cleaned[f"place-{pk}"]) for pk in ids}),
            flags={pk: cleaned[f"flags-{pk}"] for pk in ids if cleaned[f"flags-{pk}"]},
            notes=cleaned["notes"],
            seconds=cleaned["seconds"] or 0.0,
        )


def close_up(places: Mapping[int, int]) -> dict[int, int]:
    """Ranks without holes from numbered places: 1, 4, 4 becomes 1, 2, 2."""
    ranks = {place: rank for rank, place in enumerate(sorted(set(places.values())), start=1)}
    return {completion: ranks[place] for completion, place in places.items()}


def initial_work(sheet: Sheet) -> dict[str, Any]:
    """The form's start: what the draft holds of it. A draft is the annotator's own, but may have any shape."""
    draft = sheet.draft
    work: dict[str, Any] = {
        "client_id": str(draft.get("client_id") or uuid4()),
        "seconds": draft.get("seconds") or 0,
        "notes": draft.get("notes") or "",
    }
    for shown in sheet.completions:
        for name, kept in (("rating", "ratings"), ("flags", "flags"), ("place", "ranks")):
            values = draft.get(kept)
            if isinstance(values, dict) and values.get(str(shown.id)):
                work[f"{name}-{shown.id}"] = values[str(shown.id)]
    return work


class ProjectForm(forms.ModelForm):
    """A project's settings."""

    flags = forms.MultipleChoiceField(
        choices=Flag.choices, required=False, widget=forms.CheckboxSelectMultiple, label=_("Flags")
    )
    kinds = forms.MultipleChoiceField(
        choices=Kind.choices,
        widget=forms.CheckboxSelectMultiple,
        label=_("Kinds of judgement"),
        help_text=_("What new items ask for; with several they take turns by prompt."),
        error_messages={"required": _("Turn on one kind at least.")},
    )

    class Meta:
        model = Project
        fields = SETTINGS
        widgets = {"guidelines": forms.Textarea(attrs={"rows": 10})}
        labels = {
            "name": _("Name"),
            "guidelines": _("Guidelines"),
            "completions_per_item": _("Completions per item"),
            "overlap": _("Overlap"),
            "lease_minutes": _("Lease in minutes"),
            "held_out_percent": _("Held-out prompts in %"),
            "is_paused": _("Paused"),
        }


class PromptsForm(forms.Form):
    """New prompts, one per line."""

    prompts = forms.CharField(
        label=_("Prompts"), help_text=_("One prompt per line."), widget=forms.Textarea(attrs={"rows": 6})
    )

    def clean_prompts(self) -> Sequence[str]:
        """The lines that hold something."""
        return [line.strip() for line in self.cleaned_data["prompts"].splitlines() if line.strip()]


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
            (Format.HH, _("hh-rlhf: chosen and rejected conversations")),
            (Format.TRL, _("TRL: prompt, chosen, rejected")),
            (Format.OPENRLHF, _("OpenRLHF")),
            (Format.RANKED, _("rankings as exported here")),
        ],
    )


class MemberForm(forms.Form):
    """Somebody to add: an account that exists, or a new one with a generated password."""

    username = forms.CharField(label=_("User name"), max_length=150)
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.ANNOTATOR)


class RoleForm(forms.Form):
    """A member's role, and whether they still take part."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    is_active = forms.BooleanField(label=_("Takes part"), required=False)
