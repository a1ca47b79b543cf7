"""What people send from the pages of the loop, turned into what services take."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from alignment.clocks.triggers import contradictions
from alignment.core.fields import InvalidSetting
from alignment.methods import with_beta
from alignment.models import LoopSettings, Method
from alignment.plans import Plan, parse_assignments
from alignment.services import LOOP_FIELDS


class RunForm(forms.Form):
    """A run by hand. Every setting of a run can be given, the usual ones have a field."""

    method = forms.ChoiceField(label=_("Method"), choices=Method.choices, initial=Method.DPO)
    seed = forms.IntegerField(label=_("Seed"), min_value=0, max_value=2**63 - 1, required=False)
    epochs = forms.FloatField(
        label=_("Epochs"), required=False, min_value=0, help_text=_("Passes of policy training over the judgements.")
    )
    beta = forms.FloatField(
        label=_("Beta"), required=False, min_value=0, help_text=_("KL strength: smaller lets the policy go further.")
    )
    more = forms.CharField(
        label=_("Other settings"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"}),
        help_text=_("One per line, as in reward_trainer.epochs=2. What is not named is as the loop has it."),
    )

    def clean_more(self) -> dict[str, dict[str, Any]]:
        """The settings by section."""
        lines = [line for line in str(self.cleaned_data["more"]).splitlines() if line.strip()]
        try:
            changes = parse_assignments(lines)
            Plan.from_dict(changes)
        except InvalidSetting as error:
            raise forms.ValidationError(str(error)) from None
        return changes

    def changes(self) -> dict[str, dict[str, Any]]:
        """What differs from the loop's settings, by section."""
        found: dict[str, dict[str, Any]] = {key: dict(value) for key, value in self.cleaned_data["more"].items()}
        if self.cleaned_data["epochs"] is not None:
            found.setdefault("trainer", {})["epochs"] = self.cleaned_data["epochs"]
        if self.cleaned_data["beta"] is not None:
            for section, settings in with_beta(self.cleaned_data["beta"]).items():
                found.setdefault(section, {}).update(settings)
        return found


class LoopForm(forms.ModelForm):
    """How the loop runs by itself."""

    class Meta:
        model = LoopSettings
        fields = LOOP_FIELDS
        labels = {
            "enabled": _("The loop runs by itself"),
            "refresh_enabled": _("Refresh the reward model by itself"),
            "policy_enabled": _("Train policies by itself"),
            "promotion_enabled": _("Promote by itself"),
            "judgements_per_refresh": _("Judgements per refresh"),
            "refreshes_per_policy": _("Refreshes per policy"),
            "minutes_between_runs": _("Minutes between runs"),
            "minutes_at_most": _("Longest wait (minutes)"),
            "features": _("Heads read"),
            "members": _("Heads of the reward model"),
            "pessimism": _("Pessimism (lambda)"),
            "kl_budget": _("KL budget (nats)"),
            "keep_policies": _("Versions to keep"),
            "method": _("Method"),
            "start": _("Start from"),
            "preset": _("Preset"),
            "beta": _("Beta"),
            "prompts_per_round": _("Prompts per round"),
            "temperature": _("Temperature"),
            "max_new_tokens": _("Longest completion"),
            "seed": _("Seed"),
        }

    def clean(self) -> dict[str, Any]:
        """What contradicts what else is set is said beside its field."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name, message in contradictions(cleaned).items():
            self.add_error(name, message)
        return cleaned


class PauseForm(forms.Form):
    """Which clock shall run by itself, or not."""

    clock = forms.ChoiceField(choices=[(name, name) for name in ("refresh", "policy", "promotion")])
    on = forms.TypedChoiceField(choices=[("1", "1"), ("0", "0")], coerce=lambda value: value == "1")


class BlindForm(forms.Form):
    """Which two versions people shall compare, and how often."""

    version = forms.TypedChoiceField(label=_("Version"), coerce=int)
    against = forms.TypedChoiceField(label=_("Against"), coerce=int)
    num_prompts = forms.IntegerField(label=_("Held-out prompts"), min_value=1, max_value=10_000, initial=50)
    overlap = forms.IntegerField(label=_("People per prompt"), min_value=1, max_value=50, initial=1)

    def __init__(self, data: Any = None, *, versions: list[int], **options: Any) -> None:
        super().__init__(data, **options)
        for name in ("version", "against"):
            field = self.fields[name]
            assert isinstance(field, forms.TypedChoiceField)
            field.choices = [(version, str(version)) for version in versions]


class SamplesForm(forms.Form):
    """Which versions shall write for which prompt."""

    prompt = forms.IntegerField(min_value=1)
    version = forms.TypedMultipleChoiceField(coerce=int)

    def __init__(self, data: Any = None, *, versions: list[int]) -> None:
        super().__init__(data)
        field = self.fields["version"]
        assert isinstance(field, forms.TypedMultipleChoiceField)
        field.choices = [(version, str(version)) for version in versions]
