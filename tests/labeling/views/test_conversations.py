"""A conversation on the judging page, step by step, over HTTP."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from factories import Cast, claim, end_lease
from talking import converse, decide, offer, speak

from labeling.models import Completion, Label, State, Turn
from labeling.services.conversations import finish
from labeling.services.projects import update_project

COLOURS = ("Red.", "Blue.", "Green.")
JUDGE = "/p/colours/judge/"


@pytest.fixture
def begun(cast: Cast):
    return converse(cast.project, cast.bob, texts=COLOURS)


@pytest.fixture
def waiting(begun):
    """A conversation whose second turn waits for the model."""
    decide(begun, shown=begun.order)
    return speak(begun, "And another one?")


def url(assignment, action="submit"):
    return f"{JUDGE}{assignment.pk}/{action}/" if action else f"{JUDGE}{assignment.pk}/"


def ranked(assignment, *, shown=None, number=1, **others):
    """What the page sends when the completions are ranked in the order shown."""
    places = {f"place-{pk}": str(place) for place, pk in enumerate(shown or assignment.order, start=1)}
    form = {"client_id": str(uuid4()), "seconds": "3.5", "notes": "", "step": f"rank-{number}", "text": ""}
    return {**form, "suggestion": "", **places, **others}


def said(text, *, number=2, **others):
    return {"client_id": str(uuid4()), "seconds": "1", "notes": "", "step": f"say-{number}", "text": text, **others}


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def step_of(response):
    found = re.search(r'data-talk="(\w+)"', response.content.decode())
    return found[1] if found else None


def test_the_page_shows_the_completions_unranked_and_nothing_of_who_wrote_them(cast, signed_in, begun):
    page = signed_in(cast.bob).get(JUDGE)

    html = page.content.decode()
    assert step_of(page) == "rank"
    assert "Turn 1 of at most 4" in text_of(page)
    assert all(f'data-completion="{pk}"' in html for pk in begun.order)
    assert " checked" not in html
    assert " selected" not in html
    assert "policy" not in html.lower()
    assert " style=" not in html


def test_one_request_judges_the_turn_and_brings_the_next_step(cast, signed_in, begun):
    client = signed_in(cast.bob, htmx=True)

    second = client.post(url(begun), ranked(begun, **{f"flags-{begun.order[2]}": ["opinion"]}))
    third = client.post(url(begun), said("And another one?"))

    label = Label.objects.get()
    assert (label.kind, label.seconds, label.ratings.get().flags) == ("conversation", 3.5, ["opinion"])
    assert (step_of(second), step_of(third)) == ("say", "wait")
    assert "And another one?" in text_of(third)
    assert Turn.objects.get(number=2).prompt.last_turn == "And another one?"


def test_places_with_gaps_are_ranks_and_a_tie_asks_which_carries_on(cast, signed_in, begun):
    first, second, third = begun.order
    tied = {f"place-{first}": "2", f"place-{second}": "2", f"place-{third}": "3"}
    client = signed_in(cast.bob, htmx=True)

    asked = client.post(url(begun), ranked(begun, **tied))
    client.post(url(begun), ranked(begun, **tied, best=str(second)))

    assert asked.status_code == 422
    assert "choose which of them carries on" in text_of(asked)
    assert dict(Label.objects.get().ranks.values_list("completion", "rank")) == {first: 1, second: 1, third: 2}
    assert Turn.objects.get().carried_id == second


def test_a_rewritten_completion_is_stored_with_what_it_was_made_from(cast, signed_in, begun):
    form = ranked(begun, text="Crimson,\r\nI would say.", suggestion=str(begun.order[0]))

    signed_in(cast.bob).post(url(begun), form)

    label = Label.objects.get()
    assert label.demonstration is not None
    assert label.demonstration.text == "Crimson,\nI would say."
    assert (label.suggestion_id, label.ranks.count()) == (begun.order[0], 4)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"place-0": ""}, "A: Give it a place in the ranking."),
        ({"place-0": "9"}, "A: Select a valid choice"),
        ({"best": "999999"}, "none of the completions shown"),
        ({"text": "x", "suggestion": "999999"}, "none of the completions shown"),
        ({"notes": "x" * 20_001}, "Notes"),
        ({"text": "x" * 100_001}, "at most 100000 characters"),
        ({"step": "rank-2"}, "The conversation has gone on"),
        ({"client_id": "no"}, "client_id"),
    ],
)
def test_a_wrong_form_keeps_the_work_and_says_why(cast, signed_in, begun, changes, reason):
    form = {
        **ranked(begun),
        "notes": "kept",
        **{key.replace("place-0", f"place-{begun.order[0]}"): value for key, value in changes.items()},
    }

    answer = signed_in(cast.bob, htmx=True).post(url(begun), form)

    assert answer.status_code == 422
    assert reason in text_of(answer)
    assert not Label.objects.exists()
    assert '<option value="2" selected>2</option>' in answer.content.decode()


def test_the_best_that_is_named_has_to_be_among_the_first(cast, signed_in, begun):
    answer = signed_in(cast.bob, htmx=True).post(url(begun), ranked(begun, best=str(begun.order[2])))

    assert answer.status_code == 400
    assert "is not ranked first" in answer.content.decode()
    assert not Turn.objects.exists()


def test_five_megabytes_are_refused_and_nothing_is_changed(cast, signed_in, waiting):
    assignment = waiting.assignment
    offer(waiting, "Yes.", "No.")

    answer = signed_in(cast.bob, htmx=True).post(
        url(assignment), ranked(assignment, shown=waiting.order, number=2, text="x" * 5_000_000)
    )

    assert answer.status_code == 400
    assert Turn.objects.get(number=2).state == "offered"


def test_markup_in_what_is_said_and_written_stays_text(cast, signed_in, begun):
    nasty = "<script>alert(1)</script></textarea><img src=x onerror=alert(1)>\"'&"
    client = signed_in(cast.bob)
    client.post(url(begun), ranked(begun, text=nasty, suggestion=""))
    page = client.post(url(begun), said(nasty), follow=True)
    offer(Turn.objects.get(number=2), nasty, "No.")

    for answer in (page, client.get(JUDGE)):
        html = answer.content.decode()
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert " onerror=" not in html.replace("&lt;img src=x onerror=", "")


def test_the_same_submit_again_is_harmless_though_the_conversation_has_gone_on(cast, signed_in, begun):
    client = signed_in(cast.bob, json=True)
    form, words = ranked(begun), said("And another one?")

    answers = [client.post(url(begun), sent).json() for sent in (form, form, words, words, form)]

    assert [answer["created"] for answer in answers] == [True, False, True, False, False]
    assert (Label.objects.count(), Turn.objects.count()) == (1, 2)


def test_what_a_second_tab_sends_for_a_step_that_is_done_is_refused_and_kept(cast, signed_in, begun):
    client = signed_in(cast.bob, htmx=True)
    client.post(url(begun), ranked(begun))
    client.post(url(begun), said("From the first tab."))

    late = client.post(url(begun), said("From the second tab."))

    assert late.status_code == 422
    assert "The conversation has gone on" in text_of(late)
    assert Turn.objects.get(number=2).prompt.last_turn == "From the first tab."


def test_the_state_tells_when_there_is_something_else_to_see(cast, signed_in, waiting):
    client = signed_in(cast.bob)

    def state():
        return client.get(url(waiting.assignment, "turn")).json()["state"]

    seen = [state()]
    Turn.objects.filter(pk=waiting.pk).update(asked=timezone.now() - timedelta(seconds=31))
    seen.append(state())
    Turn.objects.filter(pk=waiting.pk).update(error="the server is away")
    seen.append(state())
    offer(waiting, "Yes.", "No.")
    seen.append(state())

    assert seen == ["wait-2", "wait-2-late", "wait-2-failed", "rank-2"]


def test_a_model_that_is_away_is_said_plainly_and_try_again_asks_anew(cast, signed_in, waiting):
    client = signed_in(cast.bob)
    Turn.objects.filter(pk=waiting.pk).update(asked=timezone.now() - timedelta(seconds=31))
    late = client.get(JUDGE)
    Turn.objects.filter(pk=waiting.pk).update(error="the server at http://model <away>")
    failed = client.get(JUDGE)

    again = client.post(url(waiting.assignment, "ask-again"), {"turn": "2"}, follow=True)

    assert "Nothing has come for half a minute." in text_of(late)
    assert "And another one?" in text_of(late)
    assert "The model could not write. the server at http://model &lt;away&gt;" in text_of(failed)
    assert "The model is writing" in text_of(again)
    assert Turn.objects.get(pk=waiting.pk).error == ""


@pytest.mark.parametrize("turn", ["", "x", "²", "1", "9" * 30])
def test_asking_again_for_another_turn_is_refused(cast, signed_in, waiting, turn):
    answer = signed_in(cast.bob).post(url(waiting.assignment, "ask-again"), {"turn": turn})

    assert answer.status_code in {400, 409}


def test_ending_brings_the_next_item(cast, signed_in, waiting):
    answer = signed_in(cast.bob, htmx=True).post(url(waiting.assignment, "finish"))

    waiting.assignment.refresh_from_db()
    assert waiting.assignment.state == State.SUBMITTED
    assert 'data-kind="ranking"' in answer.content.decode()


def test_ending_before_anything_was_judged_is_refused(cast, signed_in, begun):
    answer = signed_in(cast.bob, htmx=True).post(url(begun, "finish"))

    assert answer.status_code == 409
    assert "nothing is judged" in answer.content.decode().lower()


def test_a_draft_comes_back_to_its_step_and_to_no_other(cast, signed_in, begun):
    client = signed_in(cast.bob, json=True)
    page = signed_in(cast.bob)
    draft = {"step": "rank-1", "ranks": {str(begun.order[1]): 2}, "text": "half a <b>text", "notes": "mine"}
    client.post(url(begun, "draft"), json.dumps(draft), content_type="application/json")

    first = page.get(JUDGE).content.decode()
    client.post(url(begun, "draft"), json.dumps({**draft, "step": "say-2"}), content_type="application/json")
    other = page.get(JUDGE).content.decode()

    assert "half a &lt;b&gt;text" in first
    assert '<option value="2" selected>2</option>' in first
    assert "half a" not in other
    assert " selected" not in other


def test_who_plays_both_sides_writes_in_turn(cast, signed_in):
    update_project(project=cast.project, conversation_sides="both", conversation_opening="topic")
    assignment = converse(cast.project, cast.bob, prompt="Talk about tea.", texts=COLOURS)
    client = signed_in(cast.bob)

    first = client.get(JUDGE)
    second = client.post(url(assignment), said("Which tea?", number=1), follow=True)
    third = client.post(url(assignment), {**said("Green tea."), "step": "write-1"}, follow=True)

    assert [step_of(each) for each in (first, second, third)] == ["say", "write", "say"]
    assert "Talk about tea." in text_of(first)
    assert list(Label.objects.values_list("demonstration__text", flat=True)) == ["Green tea."]
    assert Completion.objects.filter(author=cast.bob).count() == 1


def test_a_lease_that_ended_keeps_the_conversation(cast, signed_in, waiting):
    end_lease(waiting.assignment)

    assert step_of(signed_in(cast.bob).get(JUDGE)) == "wait"
    assert claim(cast.project, cast.dora).item != waiting.assignment.item


@pytest.mark.parametrize("action", ["submit", "turn", "ask-again", "finish", "skip", "draft", "heartbeat"])
def test_a_conversation_is_nobody_else_s(cast, signed_in, waiting, client, action):
    method = "get" if action == "turn" else "post"
    address = url(waiting.assignment, action)

    def ask(who, path=address):
        return getattr(signed_in(who), method)(path, {"turn": "2"})

    assert [ask(who).status_code for who in (cast.dora, cast.charlie, cast.rita)] == [404, 404, 403]
    assert ask(cast.bob, address.replace("colours", "other-colours")).status_code == 404
    assert getattr(client, method)(address)["Location"].startswith("/login/")
    assert Turn.objects.get(pk=waiting.pk).state == "waiting"


@pytest.mark.parametrize("action", ["turn", "ask-again", "finish"])
def test_other_kinds_have_no_turns(cast, signed_in, action):
    assignment = claim(cast.project, cast.bob)
    method = "get" if action == "turn" else "post"

    answer = getattr(signed_in(cast.bob), method)(url(assignment, action), {"turn": "1"})

    assert answer.status_code == 400


@pytest.fixture
def over(cast, begun):
    """A conversation of two judged turns that is finished."""
    decide(begun, shown=begun.order)
    turn = offer(speak(begun, "And a darker one?"), "Navy.", "Ink.")
    decide(begun, number=2, shown=turn.order)
    return finish(assignment_id=begun.pk, annotator=cast.bob)


def test_a_finished_conversation_is_opened_at_its_last_turn_and_revised_turn_by_turn(cast, signed_in, over):
    client = signed_in(cast.bob)
    turn = Turn.objects.get(assignment=over, number=2)

    opened = client.get(url(over, ""), follow=True)
    listed = client.get(f"{JUDGE}last/")
    form = {
        "client_id": str(uuid4()),
        "seconds": "4",
        "step": "revise-2",
        "revises": str(Label.objects.get(turn=turn).pk),
        "notes": "on second thoughts",
        **{f"place-{pk}": place for pk, place in zip(turn.order, ("2", "1"), strict=True)},
    }
    done = client.post(url(over, "turns/2/revise"), form)

    html = opened.content.decode()
    assert opened.redirect_chain == [(url(over, "turns/2"), 302)]
    assert "What carried on stays, since the conversation went on from it." in html
    assert html.count("Carried on</span>") == 1
    assert f'action="{url(over, "turns/2/revise")}"' in html
    assert f'data-back-url="{JUDGE}back/?before={over.pk}&amp;turn=2"' in html
    assert url(over, "") in listed.content.decode()
    assert done.status_code == 302
    old, new = Label.objects.filter(turn=turn).order_by("id")
    assert (old.superseded_by, new.notes) == (new, "on second thoughts")
    assert dict(new.ranks.values_list("completion", "rank")) == dict(zip(turn.order, (2, 1), strict=True))
    turn.refresh_from_db()
    assert turn.carried_id == turn.order[0]


def test_back_goes_from_turn_to_turn_and_then_to_what_was_judged_before(cast, signed_in, over):
    client = signed_in(cast.bob)

    first = client.get(f"{JUDGE}back/")
    second = client.get(f"{JUDGE}back/", {"before": over.pk, "turn": 2})
    third = client.get(f"{JUDGE}back/", {"before": over.pk, "turn": 1})
    foreign = signed_in(cast.dora).get(f"{JUDGE}back/", {"before": over.pk, "turn": 2})

    assert first.headers["Location"] == url(over, "")
    assert second.headers["Location"] == url(over, "turns/1")
    assert third.headers["Location"] == JUDGE
    assert foreign.status_code == 404


def test_an_incomplete_revision_of_a_turn_keeps_the_work_and_drafts_are_kept(cast, signed_in, over):
    client = signed_in(cast.bob)
    label = Label.objects.get(turn__number=1)
    first, *_ = over.order
    form = {"client_id": str(uuid4()), "step": "revise-1", "revises": str(label.pk), f"place-{first}": "2"}
    draft = json.dumps({"revises": label.pk, "step": "revise-1", "notes": "half a thought", "ranks": {}})

    refused = client.post(url(over, "turns/1/revise"), form)
    kept = client.post(url(over, "turns/1/draft"), draft, content_type="application/json")
    html = client.get(url(over, "turns/1")).content.decode()

    assert (refused.status_code, kept.status_code) == (422, 200)
    assert "Give it a place in the ranking." in refused.content.decode()
    assert "half a thought" in html
    assert Label.objects.count() == 2


@pytest.mark.parametrize("action", ["turns/1", "turns/1/revise", "turns/1/draft"])
def test_a_judged_turn_is_nobody_else_s(cast, signed_in, over, client, action):
    method = "get" if action == "turns/1" else "post"

    for user, status in ((cast.dora, 404), (cast.rita, 403), (cast.charlie, 404)):
        assert getattr(signed_in(user), method)(url(over, action)).status_code == status
    assert getattr(client, method)(url(over, action)).status_code == 302
    assert getattr(signed_in(cast.bob), method)(url(over, action.replace("1", "7"))).status_code in {400, 404}


def test_a_judged_turn_costs_the_same_queries_in_a_short_conversation_and_in_a_long_one(
    cast, signed_in, begun, django_assert_num_queries
):
    update_project(project=cast.project, conversation_turns=20)
    client = signed_in(cast.bob)
    decide(begun, shown=begun.order)
    for number in range(2, 12):
        turn = offer(speak(begun, f"Turn {number}."), "Yes.", "No.")
        decide(begun, number=number, shown=turn.order)
    finish(assignment_id=begun.pk, annotator=cast.bob)
    client.get(url(begun, "turns/1"))
    with CaptureQueriesContext(connection) as short:
        client.get(url(begun, "turns/1"))

    with django_assert_num_queries(len(short)):
        page = client.get(url(begun, "turns/11"))

    assert page.status_code == 200


def test_each_step_costs_as_many_queries_with_one_turn_as_with_many(
    cast, signed_in, begun, django_assert_max_num_queries
):
    update_project(project=cast.project, conversation_turns=20)
    client = signed_in(cast.bob)
    decide(begun, shown=begun.order)
    for number in range(2, 12):
        turn = offer(speak(begun, f"Turn {number}."), "Yes.", "No.")
        decide(begun, number=number, shown=turn.order)

    with django_assert_max_num_queries(14):
        page = client.get(JUDGE)

    assert step_of(page) == "say"
    assert text_of(page).count("Yes.") + text_of(page).count("No.") >= 10
