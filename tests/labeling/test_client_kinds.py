"""The client for conversations and blind evaluations against a real server."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.core.cache import cache
from factories import PASSWORD, make_cast, make_item
from talking import offer

from alignment import services
from labeling import client_kinds
from labeling.client import ApiError
from labeling.client_kinds import KindsClient
from labeling.models import Label, Turn


@pytest.fixture
def cast(transactional_db):
    cache.clear()
    return make_cast(num_items=0)


@pytest.fixture
def client_of(live_server):
    return lambda user: KindsClient.login(live_server.url, user.username, PASSWORD, retries=0)


def test_a_conversation_from_the_first_completions_to_the_end(cast, client_of, monkeypatch):
    make_item(cast.project, prompt="Name a colour.", texts=("Red.", "Blue."), kind="conversation")
    bob = client_of(cast.bob)
    talk = bob.conversation(bob.next("colours").assignment)
    ranks = {completion.id: place for place, completion in enumerate(talk.sheet.completions, start=1)}
    client_id = uuid4()

    said = bob.judge_turn(talk, client_id=client_id, ranks=ranks, best=talk.sheet.completions[0].id)
    bob.judge_turn(talk, client_id=client_id, ranks=ranks, best=talk.sheet.completions[0].id)
    waiting = bob.ask_again(bob.say(said, "And a darker one?"))
    monkeypatch.setattr(client_kinds, "LOOK_SECONDS", 0.01)
    nothing = bob.wait(waiting, seconds=0.05)
    offer(Turn.objects.get(number=2), "Navy.", "Ink.")
    offered = bob.wait(nothing)
    tied = {completion.id: 1 for completion in offered.sheet.completions}
    last = bob.judge_turn(offered, ranks=tied, text="Black.", suggestion=offered.sheet.completions[0].id)
    bob.finish(last)

    assert (talk.step, said.step, waiting.step, nothing.step, offered.step) == ("rank", "say", "wait", "wait", "rank")
    assert [message.content for message in offered.sheet.prompt][-1] == "And a darker one?"
    assert (last.step, last.turn, last.judged, last.may_finish) == ("say", 3, 2, True)
    assert [label.ranks.count() for label in Label.objects.order_by("id")] == [2, 3]
    assert bob.next("colours") is None


def test_a_judged_turn_is_revised_once_the_conversation_is_over(cast, client_of):
    make_item(cast.project, prompt="Name a colour.", texts=("Red.", "Blue."), kind="conversation")
    bob = client_of(cast.bob)
    talk = bob.conversation(bob.next("colours").assignment)
    first, second = (completion.id for completion in talk.sheet.completions)
    bob.finish(bob.judge_turn(talk, ranks={first: 1, second: 2}, best=first))

    judged = bob.judged_turn(talk.sheet.assignment, 1)
    revised = bob.revise_turn(talk.sheet.assignment, 1, ranks={first: 2, second: 1}, notes="on second thoughts")

    assert (judged.step, judged.revisable) == ("revise", [1])
    assert judged.carried == next(each.text for each in judged.sheet.completions if each.id == first)
    assert judged.sheet.draft["ranks"] == {str(first): 1, str(second): 2}
    assert revised == {"label": Label.objects.get(superseded_by=None).pk, "created": True}


def test_a_refusal_has_its_code(cast, client_of):
    make_item(cast.project, prompt="Name a colour.", texts=("Red.", "Blue."), kind="conversation")
    bob = client_of(cast.bob)
    talk = bob.conversation(bob.next("colours").assignment)

    with pytest.raises(ApiError) as refused:
        bob.finish(talk)

    assert (refused.value.status, refused.value.code) == (409, "nothing_judged")


def test_evaluations_are_started_and_listed_by_an_admin(cast, client_of):
    services.ensure_loop(project_id=cast.project.pk)
    alice = client_of(cast.alice)

    with pytest.raises(ApiError, match="there are no held-out prompts"):
        alice.start_evaluation("colours", version=2, against=1, num_prompts=3)

    assert alice.evaluations("colours") == []
