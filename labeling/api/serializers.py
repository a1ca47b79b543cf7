"""What goes in and out of the endpoints."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from labeling.api.conversation_shapes import ConversationOut, ConversationSettingsIn, ConversationSettingsOut
from labeling.api.fields import ById, ClientId, Number, PromptText, Strict, Text, Whole, YesNo
from labeling.forms.projects import SHARED_PERCENT
from labeling.models import MAX_MODEL_CHARACTERS, Kind, Outcome, Role, Source, State, Topic

Out = serializers.Serializer[Any]

# Fields named source, label or fields are taken out of the class by DRF's metaclass, which no stub knows.


class TokenIn(Strict):
    username = Text(allow_blank=False, max_length=150)
    password = Text(allow_blank=False, max_length=1000)
    code = Text(
        allow_blank=False, max_length=40, required=False, help_text="Of the second factor, for who turned one on."
    )


class TokenOut(Out):
    token = serializers.CharField(help_text="For the header Authorization: Token ...")


class ProgressOut(Out):
    done = serializers.IntegerField(help_text="Judgements that count, in the whole project.")
    total = serializers.IntegerField(help_text="Judgements wanted, in the whole project.")


class MyProgressOut(ProgressOut):
    mine = serializers.IntegerField(help_text="Judgements of your own that count.")


class OwnFlag(Strict):
    """A flag of a project's own."""

    code = Text(max_length=40, help_text="Lower-case letters, digits and _; it never changes.")
    label = Text(max_length=100)  # type: ignore[assignment]  # a field of that name, too
    key = Text(max_length=1, required=False, default="", help_text="A letter that no key of the page has.")
    is_harmful = YesNo(required=False, default=False)


class SettingsIn(ConversationSettingsIn):
    """Settings of a project; all are optional in a change."""

    name = Text(allow_blank=False, max_length=200, required=False)
    guidelines = Text(
        required=False, max_length=200_000, help_text="What annotators go by. Markdown. Another text is a new version."
    )
    completions_per_item = Whole(min_value=2, max_value=9, required=False)
    overlap = Whole(min_value=1, max_value=50, required=False, help_text="Of items that are made from now on.")
    lease_minutes = Whole(min_value=1, max_value=1440, required=False)
    held_out_percent = Whole(min_value=0, max_value=50, required=False, help_text="Of prompts that come from now on.")
    flags = serializers.ListField(
        child=Text(max_length=40), required=False, help_text="Codes that are asked about, in their order."
    )
    own_flags = OwnFlag(many=True, required=False, help_text="All flags beside the known ones, those made before too.")
    kinds = serializers.ListField(
        child=serializers.ChoiceField(Kind.choices), required=False, help_text="What new items ask for, in turn."
    )
    daily_limit = Whole(
        min_value=1, max_value=10_000, required=False, allow_null=True, help_text="Judgements per member and day (UTC)."
    )
    second_factor_roles = serializers.ListField(
        child=serializers.ChoiceField(Role.choices),
        required=False,
        help_text="Roles that nobody gets in with without a second factor, neither by browser nor by token.",
    )
    is_paused = YesNo(required=False)


class ProjectIn(SettingsIn):
    slug = serializers.RegexField(
        r"\A[a-z0-9][a-z0-9-]*\Z",
        max_length=50,
        trim_whitespace=False,
        help_text="Lower-case letters, digits and hyphens.",
    )
    shared_percent = Whole(
        min_value=0,
        max_value=100,
        required=False,
        default=SHARED_PERCENT,
        help_text="Of prompts whose items three people judge, to compare people by; changed at reliabilities/.",
    )


class ProjectOut(ConversationSettingsOut):
    slug = serializers.CharField()
    name = serializers.CharField()
    role = serializers.ChoiceField(Role.choices, help_text="Your own.")
    guidelines = serializers.CharField(help_text="The text in force.")
    guidelines_version = serializers.IntegerField(allow_null=True, help_text="Null before the first was written.")
    completions_per_item = serializers.IntegerField()
    overlap = serializers.IntegerField()
    lease_minutes = serializers.IntegerField()
    held_out_percent = serializers.IntegerField()
    flags = serializers.ListField(child=serializers.CharField(), help_text="Codes that are asked about, in order.")
    own_flags = OwnFlag(many=True)
    kinds = serializers.ListField(child=serializers.ChoiceField(Kind.choices))
    daily_limit = serializers.IntegerField(allow_null=True)
    second_factor_roles = serializers.ListField(child=serializers.ChoiceField(Role.choices))
    is_paused = serializers.BooleanField()
    is_archived = serializers.BooleanField(help_text="Read-only.")
    progress = ProgressOut()
    created = serializers.DateTimeField()


class GuidelinesIn(Strict):
    """A new version of a project's guidelines."""

    text = Text(max_length=200_000, help_text="Markdown.")
    change = Text(max_length=300, required=False, help_text="What changed, in a sentence.")
    follows = Whole(
        min_value=0, required=False, help_text="The version you saw, 0 for none; 409 when there is a newer."
    )


class GuidelinesVersionOut(Out):
    version = serializers.IntegerField()
    change = serializers.CharField(help_text="What its author says has changed.")
    author = serializers.CharField(allow_null=True, help_text="User name.")
    created = serializers.DateTimeField()


class GuidelinesOut(GuidelinesVersionOut):
    text = serializers.CharField(help_text="Markdown.")


class ReadOut(Out):
    guidelines_read = serializers.IntegerField(help_text="The newest version that you said you have read.")


class MessageOut(Out):
    role = serializers.ChoiceField(["system", "user", "assistant"])
    content = serializers.CharField()


class PromptIn(Strict):
    prompt = PromptText(help_text="A text or messages that end with the user's turn.")
    completions = serializers.ListField(
        child=Text(), required=False, help_text="2 to 9 different texts: they become an item in the queue."
    )
    models = serializers.ListField(
        child=Text(max_length=MAX_MODEL_CHARACTERS, allow_null=True),
        required=False,
        help_text="Names of the models of elsewhere that wrote the completions, in their order; null for none.",
    )
    topics = serializers.ListField(
        child=serializers.ChoiceField(Topic.choices), required=False, help_text="What to warn people of."
    )
    tags = serializers.ListField(child=Text(max_length=60), required=False, help_text="Names it is found by.")
    source = Text(required=False, max_length=200)  # type: ignore[assignment]  # a field of that name, too


class PromptOut(Out):
    id = serializers.IntegerField()
    prompt = MessageOut(many=True)
    digest = serializers.CharField()
    held_out = serializers.BooleanField(help_text="Never trained on; models are judged by it.")
    topics = serializers.ListField(child=serializers.ChoiceField(Topic.choices))
    tags = serializers.ListField(child=serializers.CharField())
    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name, too
    is_archived = serializers.BooleanField(help_text="Nothing new is asked about it.")
    num_completions = serializers.IntegerField()
    num_items = serializers.IntegerField()
    created = serializers.DateTimeField()


class TopicsIn(Strict):
    topics = serializers.ListField(child=serializers.ChoiceField(Topic.choices), help_text="All that it has.")


class ShownCompletionOut(Out):
    id = serializers.IntegerField()
    text = serializers.CharField()


class SheetOut(Out):
    """An assignment with everything that judging it needs; nothing tells who wrote a completion."""

    assignment = serializers.IntegerField()
    kind = serializers.ChoiceField(Kind.choices)
    prompt = MessageOut(many=True)
    completions = ShownCompletionOut(many=True, help_text="In the order to show.")
    lease_expires = serializers.DateTimeField()
    draft = serializers.JSONField(help_text="What was kept with PUT draft.")
    flags = serializers.ListField(child=serializers.CharField(), help_text="Those that may be raised.")
    guidelines_version = serializers.IntegerField(
        allow_null=True, help_text="Those to go by; null when there are none."
    )
    topics = serializers.ListField(
        child=serializers.ChoiceField(Topic.choices), help_text="What to warn people of before they see it."
    )
    progress = MyProgressOut()
    conversation = ConversationOut(allow_null=True, help_text="Of the kind conversation only.")


class SubmitIn(Strict):
    """A judgement: ratings and ranks for the kind ranking, ratings for rating, best for best, ranks and strength for
    pair, text for demonstration."""

    client_id = ClientId(help_text="Made by you, new for each judgement, the same for each retry.")
    ratings = ById(
        child=Whole(min_value=1, max_value=7), required=False, help_text="1 (worst) to 7 by completion id, for each."
    )
    ranks = ById(
        child=Whole(min_value=1, max_value=9), required=False, help_text="1 (best) by completion id; ties share a rank."
    )
    best = Whole(min_value=1, required=False, allow_null=True, help_text="Id of the completion picked.")
    strength = Whole(
        min_value=1, max_value=3, required=False, allow_null=True, help_text="1 slightly, 2 better, 3 much; no tie."
    )
    text = Text(required=False, max_length=100_000, help_text="The completion written.")
    suggestion = Whole(min_value=1, required=False, allow_null=True, help_text="Id of the one it was begun from.")
    flags = ById(child=serializers.ListField(child=Text()), required=False)
    notes = Text(required=False, max_length=20_000)
    seconds = Number(required=False, min_value=0, max_value=86_400, help_text="Active time.")


class SubmittedOut(Out):
    label = serializers.IntegerField()  # type: ignore[assignment]  # a field of that name, too
    created = serializers.BooleanField(help_text="False when this client id had been stored before.")
    extra = serializers.BooleanField(help_text="The slot had gone to somebody else: kept, outside the overlap.")
    progress = MyProgressOut()


class SkipIn(Strict):
    reason = Text(required=False, max_length=200)


class AssignmentOut(Out):
    assignment = serializers.IntegerField()
    state = serializers.ChoiceField(State.choices)
    lease_expires = serializers.DateTimeField()


class CompletionOut(Out):
    id = serializers.IntegerField()
    text = serializers.CharField()
    policy_version = serializers.IntegerField(allow_null=True)
    model = serializers.CharField(allow_null=True, help_text="Of elsewhere that wrote it, where its file named one.")


class ComparisonOut(Out):
    id = serializers.IntegerField()
    ranking = serializers.IntegerField(help_text="The label it came from.")
    prompt_id = serializers.IntegerField()
    prompt = MessageOut(many=True)
    chosen = CompletionOut()
    rejected = CompletionOut()
    outcome = serializers.ChoiceField(Outcome.choices, help_text="Of a tie the order means nothing.")
    weight = serializers.FloatField(help_text="1 / C(k,2) of its ranking.")
    held_out = serializers.BooleanField()
    annotator = serializers.CharField(help_text="A pseudonym, the same in one project always.")
    source = serializers.ChoiceField(Source.choices)  # type: ignore[assignment]  # a field of that name, too
    is_extra = serializers.BooleanField()
    rule = serializers.CharField(allow_blank=True, help_text="By which its item was chosen; empty: by none.")
    propensity = serializers.FloatField(allow_null=True, help_text="How probable it was that just this was asked.")
    random_propensity = serializers.FloatField(
        allow_null=True, help_text="What it would be with all at random: weigh by random_propensity / propensity."
    )
    is_random = serializers.BooleanField(help_text="Of the share chosen at random.")
    created = serializers.DateTimeField()


class ManifestOut(Out):
    project = serializers.CharField()
    view = serializers.CharField()
    format = serializers.CharField()
    snapshot = serializers.CharField(allow_null=True)
    filters = serializers.JSONField()
    counts = serializers.DictField(child=serializers.IntegerField())
    columns = serializers.DictField(child=serializers.CharField())
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    code_version = serializers.CharField()
