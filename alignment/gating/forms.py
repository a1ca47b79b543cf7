"""What people send from the page of the gate."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from alignment.gating.settings import GATE_FIELDS
from alignment.models import GateSettings


class GateForm(forms.ModelForm):
    """What a candidate must show before it serves."""

    class Meta:
        model = GateSettings
        fields = GATE_FIELDS
        labels = {
            "alpha": _("Error"),
            "most_pairs": _("Pairs at most"),
            "share": _("Share of the judgements"),
            "watch_pairs": _("Pairs to watch by"),
            "watch_share": _("Share for watching"),
            "second_share": _("Prompts set aside (per cent)"),
            "least_judgements": _("Least judgements"),
            "hold_unknown": _("Hold what cannot be checked"),
            "win_rate": _("Second reward model"),
            "most_kl": _("Distance from the base (nats)"),
            "length_ratio": _("Length (times)"),
            "eos_drop": _("Ends by itself (share)"),
            "repetition_rise": _("Repetition (share)"),
            "deviation_ratio": _("Disagreement of the heads (times)"),
            "flag_rise": _("Flags (share)"),
            "regression_tag": _("Tag of the regression set"),
            "regression_margin": _("Regression: margin (nats)"),
            "regression_lost": _("Regression: share lost"),
        }


class VetoForm(forms.Form):
    """Why a candidate must not serve."""

    reason = forms.CharField(label=_("Why it must not serve"), max_length=2000, strip=True)
