"""What people send from pages, turned into what services take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils.text import slugify
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from labeling.exports.streams import FileFormat
from labeling.models import Kind, Project, Role, Topic
from labeling.models.flags import MAX_LABEL_CHARACTERS
from labeling.models.projects import SLUG
from labeling.services.guidelines import MAX_CHANGE_CHARACTERS
from labeling.services.known import SETTINGS as READINESS
from labeling.services.preferences import MAX_BREAK_MINUTES
from labeling.services.projects import SETTINGS
from labeling.services.texts import MAX_CHARACTERS
from labeling.services.trust import SETTINGS as USES

OWN_PAGES = ("flags", "own_flags", "review_below", "reviews_harmful", *READINESS, *USES)
"""Settings that have a page of their own."""
SHARED_PERCENT = 10
"""What a new project begins with, so that people can be compared."""
FILE_FORMATS = {FileFormat.JSONL: "JSON Lines", FileFormat.PARQUET: "Parquet", FileFormat.CSV: "CSV"}


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


class ProjectForm(forms.ModelForm):
    """A project's settings."""

    kinds = forms.MultipleChoiceField(
        choices=Kind.choices,
        widget=forms.CheckboxSelectMultiple,
        label=_("Kinds of judgement"),
        help_text=_("What new items ask for; with several they take turns by prompt."),
        error_messages={"required": _("Turn on one kind at least.")},
    )

    second_factor_roles = forms.MultipleChoiceField(
        choices=Role.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("Who needs a second factor"),
        help_text=_("Without one, nobody of these roles gets in, neither by browser nor by token."),
    )

    class Meta:
        model = Project
        fields = [name for name in SETTINGS if name not in OWN_PAGES]
        labels = {
            "name": _("Name"),
            "completions_per_item": _("Completions per item"),
            "overlap": _("Overlap"),
            "shared_percent": _("Prompts that more people judge, in %"),
            "lease_minutes": _("Lease in minutes"),
            "held_out_percent": _("Held-out prompts in %"),
            "conversation_turns": _("Turns of a conversation"),
            "conversation_sides": _("Sides of a conversation"),
            "conversation_opening": _("Opening of a conversation"),
            "daily_limit": _("Judgements per member and day"),
            "is_paused": _("Paused"),
        }


class NewProjectForm(ProjectForm):
    """What a project begins with; all but its address can be changed later."""

    slug = forms.CharField(
        label=_("Address"),
        help_text=_(
            "Stands in links and exports and never changes: lower-case letters, digits and hyphens. "
            "Empty: made of the name."
        ),
        max_length=50,
        required=False,
        validators=[SLUG],
    )
    second_factor_roles = None  # type: ignore[assignment]  # as Django takes a field off
    field_order = ("name", "slug")

    class Meta(ProjectForm.Meta):
        fields = ["name", "kinds", "completions_per_item", "overlap", "shared_percent", "held_out_percent"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["shared_percent"].initial = SHARED_PERCENT

    def clean(self) -> dict[str, Any]:
        """The address, made of the name when none is given."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and not cleaned["slug"]:
            cleaned["slug"] = slugify(cleaned["name"])[:50]
            if not cleaned["slug"]:
                self.add_error("slug", _("No address can be made of this name: write one."))
        return cleaned


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


class PreferencesForm(forms.Form):
    """What a person chooses for themselves."""

    DEFAULT_MINUTES = 50

    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=[
            ("", _("as my browser asks for")),
            *((code, get_language_info(code)["name_local"]) for code, _name in settings.LANGUAGES),
        ],
    )
    opted_out = forms.MultipleChoiceField(
        label=_("Topics that I do not want to see"),
        help_text=_("The queue does not serve you items of these topics, in any project. Nobody is told."),
        choices=Topic.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    reminds = forms.BooleanField(label=_("Remind me to take breaks"), required=False)
    break_minutes = forms.IntegerField(
        label=_("Minutes of active work until a reminder"),
        min_value=1,
        max_value=MAX_BREAK_MINUTES,
        required=False,
        initial=DEFAULT_MINUTES,
    )

    def clean(self) -> dict[str, Any]:
        """No reminder is 0 minutes."""
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.pop("reminds", False):
            cleaned["break_minutes"] = 0
        elif cleaned.get("break_minutes") is None and "break_minutes" not in self.errors:
            cleaned["break_minutes"] = self.DEFAULT_MINUTES
        return cleaned


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
