"""What goes in and out of the endpoints of imports."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from labeling.imports.formats import Format
from labeling.imports.reading import FileKind
from labeling.models import ImportState
from labeling.refusals import ErrorOut

Out = serializers.Serializer[Any]


class RejectedOut(Out):
    line = serializers.IntegerField(help_text="From 1; of a Parquet file the row.")
    reason = serializers.CharField()


class ImportFileIn(Out):
    file = serializers.FileField()


class ImportOut(Out):
    """An import: how far it is, or what came of it."""

    id = serializers.IntegerField()
    state = serializers.ChoiceField(ImportState.choices, help_text="Only a finished one has changed anything.")
    file_name = serializers.CharField()
    format = serializers.CharField(source="file_format", help_text=f"What a row means: {', '.join(Format)}.")
    kind = serializers.CharField(help_text=f"How the file is written: {', '.join(FileKind)}.")
    keep_good = serializers.BooleanField()
    tags = serializers.ListField(child=serializers.CharField(), help_text="Given to every prompt.")
    num_bytes = serializers.IntegerField(help_text="Of the file as it came.")
    bytes_read = serializers.IntegerField()
    rows = serializers.IntegerField()
    prompts = serializers.IntegerField(help_text="New ones.")
    items = serializers.IntegerField(help_text="New ones in the queue.")
    labels = serializers.IntegerField(help_text="New ones.")
    conversations = serializers.IntegerField(help_text="New ones that were held elsewhere.")
    repeated = serializers.IntegerField(help_text="Rows that were there already.")
    held_out = serializers.IntegerField(help_text="Rows whose prompt is held out.")
    num_rejected = serializers.IntegerField()
    turns_left_out = serializers.IntegerField(help_text="Turns after the user's last one.")
    ignored_columns = serializers.ListField(child=serializers.CharField())
    error = serializers.CharField(help_text="Why nothing was imported.")
    requested_by = serializers.CharField(source="requested_by.username", default=None, allow_null=True)
    created = serializers.DateTimeField()
    ended = serializers.DateTimeField(allow_null=True)


class ImportDoneOut(ImportOut):
    rejected = RejectedOut(many=True, help_text="The first 1,000.")


class ImportErrorOut(ErrorOut):
    num_rejected = serializers.IntegerField(required=False)
    rejected = RejectedOut(many=True, required=False, help_text="The first 1,000; nothing was imported.")
