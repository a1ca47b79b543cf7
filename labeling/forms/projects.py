"""What admins send about projects and their settings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from labeling.models import Kind, Project, Role
from labeling.models.projects import SLUG
from labeling.services.known import SETTINGS as READINESS
from labeling.services.projects import SETTINGS
from labeling.services.trust import SETTINGS as USES

OWN_PAGES = ("flags", "own_flags", "review_below", "reviews_harmful", *READINESS, *USES)
"""Settings that have a page of their own."""
SHARED_PERCENT = 10
"""What a new project begins with, so that people can be compared."""


class CloneForm(forms.Form):
    """A project that begins as this one is."""

    name = forms.CharField(label=_("Name"), max_length=200)
    slug = forms.CharField(
        label=_("Address"),
        max_length=50,
        validators=[SLUG],
        help_text=_("Stands in links and exports and never changes: lower-case letters, digits and hyphens."),
    )
    with_prompts = forms.BooleanField(label=_("With its prompts"), required=False)


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
