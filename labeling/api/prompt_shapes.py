"""What goes in and out of the endpoints that change prompts."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from labeling.api.fields import Strict, Text, Whole, YesNo
from labeling.models import Topic
from labeling.models.tags import MAX_TAG_CHARACTERS
from labeling.services.prompt_changes import Action

Out = serializers.Serializer[Any]


class PromptFilterIn(Strict):
    """Which prompts; what is left out lets all through."""

    search = Text(required=False, max_length=500, help_text='Beginnings of words, "a phrase", or an id of an export.')
    tag = Text(required=False, max_length=MAX_TAG_CHARACTERS)
    source = Text(required=False, max_length=200)  # type: ignore[assignment]  # a field of that name, too
    topic = serializers.ChoiceField(Topic.choices, required=False)
    held_out = YesNo(required=False)
    has_items = YesNo(required=False)
    has_demonstrations = YesNo(required=False)
    archived = YesNo(required=False)


class PromptChangeIn(Strict):
    filter = PromptFilterIn(help_text="Which prompts; {} is all of them.")
    action = serializers.ChoiceField(Action.choices)
    value = Text(required=False, max_length=60, help_text="The tag, the topic, or the priority as a text.")
    expected = Whole(required=False, min_value=0, help_text="How many you expect; 409 when there are more or fewer.")
    dry_run = YesNo(required=False, help_text="Only say what it would do.")


class PromptChangeOut(Out):
    prompts = serializers.IntegerField(help_text="How many the change is about.")
    judgements = serializers.IntegerField(
        help_text="Open judgements that leave the queue, come back or change their priority."
    )


class TagsIn(Strict):
    tags = serializers.ListField(child=Text(max_length=MAX_TAG_CHARACTERS), help_text="All tags of the prompt.")
