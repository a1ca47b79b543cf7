"""What goes in and out of the endpoints of conversations."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from labeling.api.fields import ById, ClientId, Number, Strict, Text, Whole
from labeling.models import Opening, Sides
from labeling.selectors.conversations import Step


class ConversationSettingsIn(Strict):
    """Settings of a project that are about conversations."""

    conversation_turns = Whole(min_value=1, max_value=20, required=False, help_text="Of the user, at most.")
    conversation_sides = serializers.ChoiceField(
        Sides.choices, required=False, help_text="user: the policy writes K completions at each turn; both: you do."
    )
    conversation_opening = serializers.ChoiceField(
        Opening.choices, required=False, help_text="prompt: it is said first; topic: it is what to talk about."
    )


class ConversationSettingsOut(serializers.Serializer[Any]):
    """The same as they are."""

    conversation_turns = serializers.IntegerField()
    conversation_sides = serializers.ChoiceField(Sides.choices)
    conversation_opening = serializers.ChoiceField(Opening.choices)


class ConversationOut(serializers.Serializer[Any]):
    """Where a conversation stands; the sheet's prompt is what was said, its completions are those to rank."""

    step = serializers.ChoiceField(
        [step.value for step in Step],
        help_text="say: the user's turn is yours; wait: the policy writes; rank; write: the completion is yours; end. "
        "revise: a turn that you judged, once the conversation is over.",
    )
    turn = serializers.IntegerField(help_text="That the step belongs to.")
    turns = serializers.IntegerField(help_text="At most.")
    judged = serializers.IntegerField(help_text="Turns so far.")
    topic = serializers.CharField(help_text="What to talk about, when it is not the first thing said.")
    error = serializers.CharField(help_text="Why nothing could be written.")
    may_finish = serializers.BooleanField()
    carried = serializers.CharField(help_text="What carried a judged turn on.")
    revisable = serializers.ListField(child=serializers.IntegerField(), help_text="Turns that can be revised.")


class SayIn(Strict):
    """What you say as the user."""

    client_id = ClientId(help_text="Made by you, new for each turn, the same for each retry.")
    turn = Whole(min_value=1, max_value=20)
    text = Text(required=False, max_length=20_000, help_text="Left out where the prompt is what is said first.")


class TurnIn(Strict):
    """The number of the turn that is open."""

    turn = Whole(min_value=1, max_value=20)


class SettleIn(TurnIn):
    """The judgement of a turn: ranks of all completions shown, and what carries on: the best one, or a text."""

    client_id = ClientId(help_text="Made by you, new for each judgement, the same for each retry.")
    ranks = ById(
        child=Whole(min_value=1, max_value=9), required=False, help_text="1 (best) by completion id; ties share a rank."
    )
    best = Whole(min_value=1, required=False, allow_null=True, help_text="Id of the one that carries on, ranked first.")
    text = Text(required=False, max_length=100_000, help_text="Written to carry on; it ranks above all others.")
    suggestion = Whole(
        min_value=1, required=False, allow_null=True, help_text="Id of the completion that the text was edited from."
    )
    flags = ById(child=serializers.ListField(child=Text()), required=False, help_text="Flags raised by completion id.")
    notes = Text(required=False, max_length=20_000)
    seconds = Number(min_value=0, max_value=86_400, required=False, help_text="Active time, idle excluded.")


class ReviseTurnIn(Strict):
    """A judged turn, judged anew: ranks of all completions shown, flags and notes. What carried on is not asked."""

    client_id = ClientId(help_text="Made by you, new for each revision, the same for each retry.")
    ranks = ById(
        child=Whole(min_value=1, max_value=9), required=False, help_text="1 (best) by completion id; ties share a rank."
    )
    flags = ById(child=serializers.ListField(child=Text()), required=False, help_text="Flags raised by completion id.")
    notes = Text(required=False, max_length=20_000)
    seconds = Number(min_value=0, max_value=86_400, required=False, help_text="Active time, idle excluded.")


class RevisedTurnOut(serializers.Serializer[Any]):
    """The judgement that stands."""

    label = serializers.IntegerField()  # type: ignore[assignment]  # the name is the API's
    created = serializers.BooleanField(help_text="Whether this request stored it.")
