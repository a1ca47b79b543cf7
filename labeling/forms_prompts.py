"""What admins send from the pages of prompts: files, filters, and changes to everything that a filter finds."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from labeling.imports.formats import Format


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
            (Format.RANKED, _("completions with ranks or ratings, as exported here")),
        ],
    )
    tags = forms.CharField(
        label=_("Tags"), required=False, help_text=_("Given to every prompt of the file, with commas between.")
    )
    keep_good = forms.BooleanField(label=_("Keep the good rows although others are bad"), required=False)
