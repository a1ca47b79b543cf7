"""The shapes of figures that are kept, and of reliabilities."""

from __future__ import annotations

from rest_framework import serializers

from labeling.api.fields import Strict, YesNo
from labeling.api.serializers import Out, ProgressOut
from labeling.api.serializers_quality import EstimateOut
from labeling.models import Kind


class FiguresOut(Out):
    judgements = serializers.IntegerField(help_text="As they were first submitted.")
    seconds = serializers.FloatField(help_text="Active time.")
    per_hour = serializers.FloatField(allow_null=True, help_text="Judgements in an hour of active time.")
    agreement = EstimateOut(help_text="Share of comparisons made by two people on which they agree.")
    first_shown = EstimateOut(help_text="Share of decided comparisons that the completion shown earlier won.")
    longer = EstimateOut(help_text="Share that the longer completion won, where one is longer.")
    middle = EstimateOut(help_text="Share of ratings that are 4.")


class DayOut(Out):
    day = serializers.DateField(help_text="UTC.")
    figures = FiguresOut()


class KindOut(Out):
    kind = serializers.ChoiceField(Kind.choices)
    figures = FiguresOut()


class OutlookOut(Out):
    progress = ProgressOut()
    remaining = serializers.IntegerField(help_text="Judgements that are still wanted.")
    day = serializers.DateField(allow_null=True, help_text="The likely end, if coming days are like the last 14.")
    earliest = serializers.DateField(allow_null=True, help_text="9 of 10 ends lie from this one ...")
    latest = serializers.DateField(allow_null=True, help_text="... to this one.")


class KeptFiguresOut(Out):
    totals = FiguresOut()
    days = DayOut(many=True, help_text="The last 60 on which somebody judged, the earliest first.")
    kinds = KindOut(many=True)
    outlook = OutlookOut(allow_null=True, help_text="Null where the figures are those of one person.")
    uncounted = serializers.IntegerField(help_text="Judgements of the project that are yet to be counted, to 10,000.")


class ReliabilityOut(Out):
    annotator = serializers.CharField(help_text="The pseudonym of exports.")
    reliability = serializers.FloatField(help_text="Crowd-BT: the chance of being right about a comparison.")
    weight = serializers.FloatField(help_text="What a judgement counts in training when annotators are weighed.")
    comparisons = serializers.IntegerField(help_text="That two others made, too.")
    fitted = serializers.DateTimeField()


class ReliabilitiesIn(Strict):
    weighs_annotators = YesNo()


class ReliabilitiesOut(Out):
    weighs_annotators = serializers.BooleanField(help_text="Whether training counts judgements by these weights.")
    annotators = ReliabilityOut(many=True)
