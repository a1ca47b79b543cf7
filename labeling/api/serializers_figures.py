"""The shapes of figures that are kept, and of reliabilities."""

from __future__ import annotations

from rest_framework import serializers

from labeling.api.fields import Strict, Whole, YesNo
from labeling.api.serializers import Out, ProgressOut
from labeling.api.serializers_quality import EstimateOut
from labeling.models import Kind, Level, Measure


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
    low = serializers.FloatField(allow_null=True, help_text="Of the interval of 90 %.")
    high = serializers.FloatField(allow_null=True)
    comparisons = serializers.IntegerField(help_text="That two others made, too.")
    known = serializers.FloatField(help_text="Comparisons whose answer is known, in what they weigh.")
    known_right = serializers.FloatField(help_text="Of these, what was right; a tie is half.")
    level = serializers.ChoiceField(Level.choices, help_text="What is decided about using their judgements.")
    is_chosen = serializers.BooleanField(help_text="Whether an admin chose the level.")
    is_adversary = serializers.BooleanField(help_text="Surely says the opposite more often than not.")
    fitted = serializers.DateTimeField()


class ReliabilitiesIn(Strict):
    """What changes; all are optional."""

    weighs_annotators = YesNo(required=False)
    inverts_adversaries = YesNo(required=False, help_text="Turn their judgements around instead of leaving them out.")
    routes_away = YesNo(required=False, help_text="Give those routed away known answers alone.")
    shared_percent = Whole(
        min_value=0, max_value=100, required=False, help_text="Prompts that more people judge, in %."
    )
    shared_overlap = Whole(min_value=2, max_value=50, required=False, help_text="How many judge each of these.")


class LevelIn(Strict):
    level = serializers.ChoiceField(Level.choices, allow_null=True, help_text="Null: what the figures say.")


class ReliabilitiesOut(Out):
    weighs_annotators = serializers.BooleanField(help_text="Whether training counts judgements by these weights.")
    inverts_adversaries = serializers.BooleanField(help_text="Whether it turns adversaries around.")
    routes_away = serializers.BooleanField(help_text="Whether those routed away get known answers alone.")
    shared_percent = serializers.IntegerField(help_text="Prompts that more people judge, in %.")
    shared_overlap = serializers.IntegerField(help_text="How many judge each of these.")
    annotators = ReliabilityOut(many=True)


class CoefficientOut(Out):
    annotator = serializers.CharField(allow_null=True, help_text="With each other person; null: of all.")
    kind = serializers.ChoiceField(Kind.choices, allow_null=True, help_text="Null: all kinds.")
    week = serializers.DateField(allow_null=True, help_text="Its Monday (UTC); null: of all time.")
    measure = serializers.ChoiceField(Measure.choices)
    flag = serializers.CharField(allow_null=True)
    coefficient = serializers.ChoiceField(
        [
            "pairwise_agreement",
            "alpha_ordinal",
            "alpha_nominal",
            "fleiss_kappa",
            "gwet_ac1",
            "kendall_tau",
        ]
    )
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Of the interval of 95 %.")
    high = serializers.FloatField(allow_null=True)
    units = serializers.IntegerField(help_text="That two people or more judged.")


class CoefficientsOut(Out):
    coefficients = CoefficientOut(many=True)
    uncounted = serializers.IntegerField(help_text="Judgements of the project that are yet to be counted, to 10,000.")
