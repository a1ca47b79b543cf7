"""The shapes of people's places in a project, and of what was changed."""

from __future__ import annotations

from rest_framework import serializers

from labeling.api.fields import Strict, Text, Whole, YesNo
from labeling.api.serializers import Out
from labeling.models import Role
from labeling.models.groups import MAX_USES
from labeling.models.projects import MAX_DAILY
from labeling.rest import MAX_BIGINT
from labeling.services.invitations import MAX_DAYS


class AuditEntryOut(Out):
    id = serializers.IntegerField()
    created = serializers.DateTimeField()
    actor = serializers.CharField(allow_null=True, help_text="Who did it; null for a command or the loop.")
    action = serializers.CharField(help_text="A code, like member.changed.")
    person = serializers.CharField(allow_null=True, help_text="Whom it is about.")
    subject = serializers.CharField(help_text="What was changed; empty when it is a person or the project itself.")
    before = serializers.JSONField(allow_null=True, help_text="What it was; only what changed.")
    after = serializers.JSONField(allow_null=True, help_text="What it became.")


class MemberOut(Out):
    id = serializers.IntegerField(help_text="Of the account; for the address of this member.")
    username = serializers.CharField()
    pseudonym = serializers.CharField(help_text="What they are called in exports of this project.")
    role = serializers.ChoiceField(Role.choices)
    is_active = serializers.BooleanField(help_text="Whether they take part.")
    is_erased = serializers.BooleanField(help_text="Whether their personal data were deleted.")
    has_second_factor = serializers.BooleanField(help_text="Whether a password alone does not sign them in.")
    group = serializers.IntegerField(allow_null=True, help_text="Id of their group.")
    daily_limit = serializers.IntegerField(
        allow_null=True, help_text="Judgements a day; null: as the project says, 0: as many as they like."
    )
    num_submitted = serializers.IntegerField()
    num_extra = serializers.IntegerField()
    joined = serializers.DateTimeField()


class AddedOut(MemberOut):
    password = serializers.CharField(help_text="Of a new account, this once; empty when the account existed.")


class MemberIn(Strict):
    username = Text(allow_blank=False, max_length=150)
    role = serializers.ChoiceField(Role.choices)


class PlaceIn(Strict):
    """A change of a member's place; what is left out stays."""

    role = serializers.ChoiceField(Role.choices, required=False)
    is_active = YesNo(required=False)
    group = Whole(min_value=1, max_value=MAX_BIGINT, required=False, allow_null=True)
    daily_limit = Whole(min_value=0, max_value=MAX_DAILY, required=False, allow_null=True)


class EraseIn(Strict):
    username = Text(allow_blank=False, max_length=150, help_text="The person's name, to be sure.")


class GroupIn(Strict):
    name = Text(allow_blank=False, max_length=60)


class GroupOut(Out):
    id = serializers.IntegerField()
    name = serializers.CharField()
    num_members = serializers.IntegerField(help_text="Who take part.")


class InvitationIn(Strict):
    role = serializers.ChoiceField(Role.choices)
    group = Whole(min_value=1, max_value=MAX_BIGINT, required=False, allow_null=True)
    days = Whole(min_value=1, max_value=MAX_DAYS, required=False, default=7)
    max_uses = Whole(min_value=1, max_value=MAX_USES, required=False, default=1)


class InvitationOut(Out):
    id = serializers.IntegerField()
    role = serializers.ChoiceField(Role.choices)
    group = serializers.IntegerField(allow_null=True)
    max_uses = serializers.IntegerField()
    num_uses = serializers.IntegerField()
    expires = serializers.DateTimeField()
    revoked = serializers.DateTimeField(allow_null=True)
    is_good = serializers.BooleanField(help_text="Whether somebody can join by it now.")


class InvitationMadeOut(InvitationOut):
    token = serializers.CharField(help_text="Shown this once. People follow /join/TOKEN/; programs POST it to join/.")


class JoinIn(Strict):
    token = Text(allow_blank=False, max_length=100)
