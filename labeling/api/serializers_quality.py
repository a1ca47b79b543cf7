"""The shapes of the report on agreement and habits."""

from __future__ import annotations

from rest_framework import serializers

from labeling.api.serializers import Out


class EstimateOut(Out):
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    units = serializers.IntegerField()


class FlagFiguresOut(Out):
    flag = serializers.CharField()
    share = serializers.FloatField(allow_null=True)
    agreement = EstimateOut(help_text="Gwet's AC1.")


class PersonFiguresOut(Out):
    annotator = serializers.CharField()
    judgements = serializers.IntegerField()
    agreement = EstimateOut()
    reliability = serializers.FloatField(allow_null=True, help_text="Crowd-BT: the chance of being right.")
    first_shown = EstimateOut()
    longer = EstimateOut()
    middle = EstimateOut()
    median_seconds = serializers.FloatField()


class AgreementOut(Out):
    judgements = serializers.IntegerField()
    shared_items = serializers.IntegerField()
    comparisons = EstimateOut(help_text="Share of pairs of people who say the same of two completions.")
    comparisons_alpha = EstimateOut(help_text="Krippendorff's alpha, ordinal.")
    ratings_alpha = EstimateOut(help_text="Krippendorff's alpha, ordinal.")
    picks_alpha = EstimateOut(help_text="Krippendorff's alpha, nominal.")
    rankings_tau = EstimateOut(help_text="Kendall's tau-b.")
    flags = FlagFiguresOut(many=True)
    first_shown = EstimateOut(help_text="Share of comparisons that the completion shown earlier won.")
    longer = EstimateOut(help_text="Share of comparisons that the longer completion won.")
    middle = EstimateOut(help_text="Share of ratings that are 4.")
    unchanged = EstimateOut(help_text="Share of rankings in the order shown.")
    time = EstimateOut(help_text="Spearman's correlation of time and agreement.")
    people = PersonFiguresOut(many=True)
