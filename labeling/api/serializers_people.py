"""The shapes of people's places in a project, and of what was changed."""

from __future__ import annotations

from rest_framework import serializers

from labeling.api.serializers import Out


class AuditEntryOut(Out):
    id = serializers.IntegerField()
    created = serializers.DateTimeField()
    actor = serializers.CharField(allow_null=True, help_text="Who did it; null for a command or the loop.")
    action = serializers.CharField(help_text="A code, like member.changed.")
    person = serializers.CharField(allow_null=True, help_text="Whom it is about.")
    subject = serializers.CharField(help_text="What was changed; empty when it is a person or the project itself.")
    before = serializers.JSONField(allow_null=True, help_text="What it was; only what changed.")
    after = serializers.JSONField(allow_null=True, help_text="What it became.")
