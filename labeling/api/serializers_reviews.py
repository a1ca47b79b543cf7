"""The shapes of reviews."""

from __future__ import annotations

from rest_framework import serializers

from labeling.api.fields import Strict, Whole, YesNo
from labeling.api.serializers import MessageOut, Out
from labeling.models import Kind, ReviewReason, ReviewState, Source


class ReviewOut(Out):
    id = serializers.IntegerField()
    item = serializers.IntegerField()
    kind = serializers.ChoiceField(Kind.choices)
    reason = serializers.ChoiceField(ReviewReason.choices)
    agreement = serializers.FloatField(allow_null=True, help_text="Of the comparisons shared, the share that is alike.")
    state = serializers.ChoiceField(ReviewState.choices)
    label = serializers.IntegerField(allow_null=True, help_text="The judgement that decides it.")  # type: ignore[assignment]  # a field of that name, too
    created = serializers.DateTimeField()
    closed = serializers.DateTimeField(allow_null=True)


class OpinionOut(Out):
    annotator = serializers.CharField(help_text="The pseudonym of exports.")
    source = serializers.ChoiceField(Source.choices)  # type: ignore[assignment]  # a field of that name, too
    said = serializers.DictField(help_text="By completion id: {rank, rating, flags}, as far as they were asked.")
    best = serializers.IntegerField(allow_null=True)
    strength = serializers.IntegerField(allow_null=True)
    notes = serializers.CharField()


class ReviewedCompletionOut(Out):
    id = serializers.IntegerField()
    text = serializers.CharField()


class ReviewDetailOut(ReviewOut):
    prompt = MessageOut(many=True)
    completions = ReviewedCompletionOut(many=True)
    opinions = OpinionOut(many=True, help_text="What everybody judged, decisions last.")


class ReviewSettingsIn(Strict):
    review_below = Whole(min_value=0, max_value=100, required=False, help_text="In %; 0 for none.")
    reviews_harmful = YesNo(required=False)


class ReviewSettingsOut(Out):
    review_below = serializers.IntegerField(help_text="Items are reviewed whose judges agree on less, in %; 0: none.")
    reviews_harmful = serializers.BooleanField(help_text="Items with a harmful flag are reviewed.")
