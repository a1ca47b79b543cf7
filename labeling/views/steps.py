"""What the page sends at a step of a conversation, done once."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.judgement_forms.conversations import RankForm, SayForm, StepForm, WriteForm
from labeling.models import User
from labeling.services import conversations
from labeling.services.turns import settle


def take_step(form: StepForm, *, annotator: User) -> int:
    """Do what the form of the step was filled in for; the number of the turn.

    Raises:
        Invalid: nothing can be sent at this step.
        NotFound, NotAllowed, Conflict: see services.conversations.say and services.turns.settle.
    """
    mine, number = form.sheet.assignment, form.number
    client_id: UUID = form.cleaned_data["client_id"]
    if isinstance(form, RankForm | WriteForm):
        return settle(
            assignment_id=mine, number=number, annotator=annotator, client_id=client_id, verdict=form.verdict()
        ).number
    if isinstance(form, SayForm):
        text = form.cleaned_data.get("text", "")
        return conversations.say(
            assignment_id=mine, number=number, annotator=annotator, client_id=client_id, text=text
        ).number
    raise Invalid(gettext("there is nothing to send at this step: wait for the completions, or end the conversation"))
