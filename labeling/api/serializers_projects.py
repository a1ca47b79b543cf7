"""The shapes of changing, copying and archiving projects."""

from __future__ import annotations

from rest_framework import serializers

from labeling.api.fields import Strict, Text, YesNo
from labeling.api.serializers import Out, SettingsIn


class ChangeIn(SettingsIn):
    """Settings to be changed; what is left out stays."""

    apply_to_open_items = YesNo(
        required=False,
        default=False,
        help_text="Give open items the overlap, too, but never less than was judged or is held.",
    )


class EffectOut(Out):
    setting = serializers.CharField()
    before = serializers.JSONField()
    after = serializers.JSONField()
    text = serializers.CharField(help_text="What the change does to open items and to people at work.")
    choice = serializers.CharField(help_text="What apply_to_open_items does beside it; empty: nothing.")


class EffectsOut(Out):
    effects = EffectOut(many=True, help_text="Of each setting that changes something under way.")


class CloneIn(Strict):
    """The project to be made."""

    slug = serializers.RegexField(r"\A[a-z0-9][a-z0-9-]*\Z", max_length=50, trim_whitespace=False)
    name = Text(allow_blank=False, max_length=200, required=False, help_text="Left out: as the one it is taken from.")
    with_prompts = YesNo(required=False, default=False, help_text="With topics, tags and sides, without completions.")
