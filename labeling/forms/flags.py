"""What admins send about the list of flags."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from labeling.models import Project
from labeling.models.flags import MAX_LABEL_CHARACTERS


class FlagsForm(forms.Form):
    """A project's list of flags: which are asked about, in which order, and its own ones.

    The rows stand in the order of the hidden field ``order``; what is checked is asked about.
    """

    new_code = forms.CharField(
        label=_("Code"),
        help_text=_("Stands in exports and never changes: lower-case letters, digits and _."),
        max_length=40,
        required=False,
    )
    new_label = forms.CharField(label=_("Label"), max_length=MAX_LABEL_CHARACTERS, required=False)
    new_key = forms.CharField(label=_("Key"), max_length=1, required=False)
    new_is_harmful = forms.BooleanField(label=_("Harmful"), required=False)

    def __init__(self, data: QueryDict | None = None, *, project: Project) -> None:
        super().__init__(data)
        self.project = project
        self.sent = data
        codes = list(project.all_questions)
        choices = [(code, code) for code in codes]
        self.fields["asked"] = forms.MultipleChoiceField(choices=choices, required=False)
        self.fields["order"] = forms.MultipleChoiceField(choices=choices, required=False)
        for own in project.own_flags:
            code = own["code"]
            self.fields[f"label-{code}"] = forms.CharField(max_length=MAX_LABEL_CHARACTERS, initial=own["label"])
            self.fields[f"key-{code}"] = forms.CharField(max_length=1, required=False, initial=own["key"])
            self.fields[f"is_harmful-{code}"] = forms.BooleanField(required=False, initial=own["is_harmful"])

    def rows(self) -> list[dict[str, Any]]:
        """All flags as they stand on the page: those asked about in their order, then the others."""
        known = self.project.all_questions
        asked = self.sent.getlist("asked") if self.sent is not None else self.project.flags
        order = self.sent.getlist("order") if self.sent is not None else self.project.flags
        codes = [
            *dict.fromkeys(code for code in order if code in known),
            *(code for code in known if code not in order),
        ]
        return [{"question": known[code], "is_asked": code in asked, "own": self._own_fields(code)} for code in codes]

    def _own_fields(self, code: str) -> dict[str, forms.BoundField]:
        names = ("label", "key", "is_harmful")
        return {name: self[f"{name}-{code}"] for name in names if f"{name}-{code}" in self.fields}

    def as_settings(self, *, move: str = "") -> dict[str, Any]:
        """What services.projects takes; after is_valid.

        Args:
            move: "up:CODE" or "down:CODE" changes places with the flag before or after it.
        """
        cleaned = self.cleaned_data
        codes = [row["question"].code for row in self.rows()]
        direction, _colon, moved = move.partition(":")
        if moved in codes:
            place = codes.index(moved)
            other = min(max(place + {"up": -1, "down": 1}.get(direction, 0), 0), len(codes) - 1)
            codes[place], codes[other] = codes[other], codes[place]
        own = [
            {
                "code": each["code"],
                **{name: cleaned[f"{name}-{each['code']}"] for name in ("label", "key", "is_harmful")},
            }
            for each in self.project.own_flags
        ]
        flags = [code for code in codes if code in cleaned["asked"]]
        if cleaned["new_code"]:
            new = {name: cleaned[f"new_{name}"] for name in ("code", "label", "key", "is_harmful")}
            own.append(new)
            flags.append(new["code"])
        return {"flags": flags, "own_flags": own}
