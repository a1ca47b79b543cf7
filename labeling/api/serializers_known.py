"""The shapes of items with known answers and of how people did on them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from labeling.api.fields import PromptText, Strict, Text, Whole, YesNo
from labeling.api.serializers import Out
from labeling.api.serializers_quality import EstimateOut
from labeling.models import Kind, QualificationState
from labeling.services.known import MAX_EXPLANATION_CHARACTERS


class ReadinessIn(Strict):
    """What is asked of new annotators; all are optional in a change."""

    qualification_items = Whole(min_value=0, max_value=100, required=False, help_text="0 for none.")
    qualification_mark = Whole(min_value=1, max_value=100, required=False, help_text="In %.")
    qualification_tries = Whole(min_value=1, max_value=5, required=False)
    qualification_feedback = YesNo(required=False)
    known_percent = Whole(min_value=0, max_value=50, required=False, help_text="Mixed in later, in %.")
    tells_at_once = YesNo(required=False, help_text="What was expected after each item of the qualification.")
    tells_later = Whole(
        min_value=0, max_value=100, required=False, help_text="A summary after so many mixed in, 5 or more; 0: none."
    )


class ReadinessOut(Out):
    qualification_items = serializers.IntegerField()
    qualification_mark = serializers.IntegerField(help_text="In %.")
    qualification_tries = serializers.IntegerField()
    qualification_feedback = serializers.BooleanField()
    known_percent = serializers.IntegerField(help_text="Mixed in later, in %.")
    tells_at_once = serializers.BooleanField(help_text="What was expected after each item of the qualification.")
    tells_later = serializers.IntegerField(help_text="A summary after so many of those mixed in; 0: none.")


class KnownIn(Strict):
    """An item with its right judgement: ranks, ratings or the place of the best, in the order of the completions."""

    prompt = PromptText(help_text="A text or messages that end with the user's turn.")
    completions = serializers.ListField(child=Text(), min_length=2, max_length=9)
    ranks = serializers.ListField(
        child=Whole(min_value=1, max_value=9), required=False, help_text="1 is best; equal ranks ask nothing."
    )
    ratings = serializers.ListField(
        child=Whole(min_value=1, max_value=7, allow_null=True), required=False, help_text="Right within 1."
    )
    best = Whole(min_value=0, max_value=8, required=False, help_text="The place of the best, from 0.")
    explanation = Text(required=False, max_length=MAX_EXPLANATION_CHARACTERS, help_text="For feedback.")


class KnownChangeIn(Strict):
    is_active = YesNo(help_text="Whether it is given to people from now on.")


class KnownOut(Out):
    id = serializers.IntegerField()
    prompt = serializers.IntegerField(help_text="Id.")
    kind = serializers.ChoiceField(Kind.choices)
    answer = serializers.DictField(child=serializers.JSONField(allow_null=True), help_text="By completion id.")
    explanation = serializers.CharField()
    is_active = serializers.BooleanField()
    num_judged = serializers.IntegerField()
    num_right = serializers.IntegerField(help_text="Of everything asked, in all.")
    num_asked = serializers.IntegerField()


class TryOut(Out):
    number = serializers.IntegerField()
    state = serializers.ChoiceField(QualificationState.choices)
    wanted = serializers.IntegerField(help_text="Items.")
    mark = serializers.IntegerField(help_text="In %.")
    num_right = serializers.IntegerField(help_text="0 until it is decided.")
    num_asked = serializers.IntegerField()


class StandingOut(Out):
    is_candidate = serializers.BooleanField(help_text="Whether you have still to qualify.")
    may_try = serializers.BooleanField(help_text="Whether you may begin another try.")
    num_judged = serializers.IntegerField(help_text="Items of the last try that you judged.")
    tries = TryOut(many=True)


class PersonReadinessOut(Out):
    annotator = serializers.IntegerField(help_text="User id.")
    username = serializers.CharField()
    is_candidate = serializers.BooleanField(help_text="Has still to qualify.")
    last: Any = TryOut(allow_null=True)
    later = EstimateOut(help_text="What was right of the items mixed in later; Wilson's interval.")
