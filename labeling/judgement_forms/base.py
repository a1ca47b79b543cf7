"""What the forms of all kinds of judgement share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from labeling.selectors.queue import Sheet
from labeling.services.verdicts import MAX_NOTES_CHARACTERS, MAX_SECONDS, Verdict
from labeling.templatetags.prefloop import letter


@dataclass(frozen=True, slots=True)
class Row:
    """One completion on the judging page, with what is filled in for it."""

    id: int
    text: str
    rating: str
    flags: tuple[str, ...]
    place: str


class TextField(forms.CharField):
    """A text as it was written: with the white space at its ends, and never cut by the browser without a word."""

    def __init__(self, *, max_length: int, required: bool = False, rows: int = 3, **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": rows, "dir": "auto"})
        super().__init__(max_length=max_length, required=required, strip=False, widget=widget, **options)

    def to_python(self, value: Any) -> Any:
        """The text with line ends of one character: a form sends two where a person made one."""
        return (super().to_python(value) or "").replace("\r\n", "\n")

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """No maxlength: a browser cuts what is pasted to it."""
        return {}


class JudgementForm(forms.Form):
    """What a judgement of every kind has: flags on completions, notes, the time, and the id that lets it count once.

    Attributes:
        fragment: the template of the kind's own part of the page.
        kept: for each completion, a field's name and the name of its values in drafts and at the API.
    """

    fragment = ""
    kept: Mapping[str, str] = {"flags": "flags"}

    client_id = forms.UUIDField(widget=forms.HiddenInput)
    seconds = forms.FloatField(min_value=0, max_value=MAX_SECONDS, required=False, widget=forms.HiddenInput)
    notes = TextField(max_length=MAX_NOTES_CHARACTERS)

    def __init__(self, data: Any = None, *, sheet: Sheet) -> None:
        self.sheet = sheet
        self.ids = [shown.id for shown in sheet.completions]
        super().__init__(data, initial=None if data is not None else self.initial_work())
        if "flags" in self.kept:
            self.ask_each("flags", flags_field(tuple(sheet.flags)))

    def ask_each(self, name: str, field: forms.Field) -> None:
        """Ask the same about every completion. They share the field, which keeps nothing of what it reads."""
        for pk in self.ids:
            self.fields[f"{name}-{pk}"] = field

    def initial_work(self) -> dict[str, Any]:
        """The form's start: what the draft holds of it. A draft is the annotator's own, but may have any shape."""
        draft = self.sheet.draft
        work: dict[str, Any] = {
            "client_id": str(draft.get("client_id") or uuid4()),
            "seconds": draft.get("seconds") or 0,
            "notes": draft.get("notes") or "",
        }
        for name, key in self.kept.items():
            values = draft.get(key)
            for pk in self.ids:
                if isinstance(values, dict) and values.get(str(pk)):
                    work[f"{name}-{pk}"] = values[str(pk)]
        return work

    @cached_property
    def places(self) -> tuple[str, ...]:
        """Places for a ranking: as many as there are completions."""
        return tuple(str(place) for place, _ in enumerate(self.ids, start=1))

    @cached_property
    def rows(self) -> list[Row]:
        """The completions in the order shown, each with what is filled in."""
        return [
            Row(
                id=shown.id,
                text=shown.text,
                rating=str(self.filled(f"rating-{shown.id}")),
                flags=self._raised(shown.id),
                place=str(self.filled(f"place-{shown.id}")),
            )
            for shown in self.sheet.completions
        ]

    def _raised(self, completion: int) -> tuple[str, ...]:
        flags = self.filled(f"flags-{completion}")
        return tuple(map(str, flags)) if isinstance(flags, list | tuple) else ()

    @property
    def worked(self) -> str:
        """The seconds so far, as a script writes numbers."""
        return str(self["seconds"].value() or 0)

    def filled(self, name: str) -> Any:
        """What stands in a field, empty when this kind does not have it."""
        if name not in self.fields:
            return ""
        return (self[name].value() if self.is_bound else self.initial.get(name)) or ""

    def problems(self) -> list[str]:
        """What keeps it from being stored, each beside the letter of its completion or the name of its field."""
        names = {"notes": _("Notes"), "client_id": "client_id", "seconds": "seconds"}
        for index, pk in enumerate(self.ids):
            names |= {f"{name}-{pk}": letter(index) for name in self.kept}
        return [
            f"{names[name]}: {error}" if name in names else str(error)
            for name, errors in self.errors.items()
            for error in errors
        ]

    def verdict(self) -> Verdict:
        """What was decided; after is_valid."""
        cleaned = self.cleaned_data
        raised = {pk: cleaned.get(f"flags-{pk}") for pk in self.ids}
        return Verdict(
            flags={pk: flags for pk, flags in raised.items() if flags},
            notes=cleaned["notes"],
            seconds=cleaned["seconds"] or 0.0,
        )


@cache
def flags_field(codes: tuple[str, ...]) -> forms.Field:
    """The flags raised on a completion."""
    return forms.MultipleChoiceField(required=False, choices=[(code, code) for code in codes])
