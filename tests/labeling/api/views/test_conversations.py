"""Conversations over the API."""

from __future__ import annotations

from uuid import uuid4

import pytest
from factories import Cast, api_client, make_cast, make_item
from talking import converse, decide, offer, speak

from labeling.models import Label, Turn
from labeling.services.conversations import finish
from labeling.services.projects import update_project

pytestmark = pytest.mark.django_db

COLOURS = ("Red.", "Blue.", "Green.")
ACTIONS = {
    "conversation": ("get", None),
    "say": ("post", {"client_id": str(uuid4()), "turn": 2, "text": "Here I am."}),
    "ask-again": ("post", {"turn": 2}),
    "judge-turn": ("post", {"client_id": str(uuid4()), "turn": 2, "text": "Mine."}),
    "finish": ("post", None),
}


@pytest.fixture
def cast() -> Cast:
    return make_cast(num_items=0)


def address(assignment, action):
    return f"/api/v1/assignments/{getattr(assignment, 'pk', assignment)}/{action}/"


def ask(user, assignment, action, body=None):
    method = ACTIONS[action][0]
    return getattr(api_client(user), method)(address(assignment, action), body, format="json")


def test_a_conversation_from_next_to_finish(cast):
    make_item(cast.project, prompt="Name a colour.", texts=COLOURS, kind="conversation")
    sheet = api_client(cast.bob).post("/api/v1/projects/colours/next/").json()
    mine = sheet["assignment"]
    first, second, third = [each["id"] for each in sheet["completions"]]

    judged = ask(
        cast.bob,
        mine,
        "judge-turn",
        {
            "client_id": str(uuid4()),
            "turn": 1,
            "ranks": {first: 2, second: 1, third: 2},
            "best": second,
            "flags": {third: ["opinion"]},
            "notes": "fine",
            "seconds": 0,
        },
    ).json()
    said = ask(cast.bob, mine, "say", {"client_id": str(uuid4()), "turn": 2, "text": "And another?"}).json()
    offer(Turn.objects.get(number=2), "Pink.", "Grey.")
    offered = ask(cast.bob, mine, "conversation").json()
    best = offered["completions"][0]["id"]
    body = {"client_id": str(uuid4()), "turn": 2, "ranks": {each["id"]: 1 for each in offered["completions"]}}
    ask(cast.bob, mine, "judge-turn", {**body, "text": "Rose.", "suggestion": best})
    done = ask(cast.bob, mine, "finish").json()

    assert sheet["conversation"]["step"] == "rank"
    assert (judged["conversation"]["step"], judged["conversation"]["turn"]) == ("say", 2)
    assert (said["conversation"]["step"], said["completions"]) == ("wait", [])
    assert (offered["conversation"]["step"], offered["prompt"][-1]["content"]) == ("rank", "And another?")
    assert set(offered["completions"][0]) == {"id", "text"}
    assert done["state"] == "submitted"
    assert [label.ranks.count() for label in Label.objects.order_by("id")] == [3, 3]
    assert api_client(cast.bob).post("/api/v1/projects/colours/next/").status_code == 204


def test_sheets_of_other_kinds_have_no_conversation(cast):
    make_item(cast.project)

    assert api_client(cast.bob).post("/api/v1/projects/colours/next/").json()["conversation"] is None


def test_each_call_is_harmless_twice(cast):
    assignment = converse(cast.project, cast.bob, texts=COLOURS)
    ranks = {pk: place for place, pk in enumerate(assignment.order, start=1)}
    judged = {"client_id": str(uuid4()), "turn": 1, "ranks": ranks, "best": assignment.order[0]}
    said = {"client_id": str(uuid4()), "turn": 2, "text": "And another?"}

    statuses = [
        ask(cast.bob, assignment, action, body).status_code
        for action, body in [("judge-turn", judged)] * 2 + [("say", said)] * 2 + [("finish", None)] * 2
    ]

    assert statuses == [200] * 6
    assert (Turn.objects.count(), Label.objects.count()) == (2, 1)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_conversation_is_nobody_else_s(cast, action):
    assignment = converse(cast.project, cast.bob, texts=COLOURS)
    decide(assignment, shown=assignment.order)
    speak(assignment, "And another?")
    body = ACTIONS[action][1]

    statuses = [ask(user, assignment, action, body).status_code for user in (None, cast.dora, cast.charlie, cast.rita)]
    missing = ask(cast.bob, 999_999_999, action, body)

    assert statuses == [401, 404, 404, 404]
    assert missing.status_code == 404
    assert Turn.objects.get(number=2).state == "waiting"


@pytest.mark.parametrize("action", ACTIONS)
def test_other_kinds_are_refused(cast, action):
    make_item(cast.project)
    assignment = api_client(cast.bob).post("/api/v1/projects/colours/next/").json()["assignment"]

    answer = ask(cast.bob, assignment, action, ACTIONS[action][1])

    assert answer.status_code == 400
    assert "is no conversation" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("say", {"client_id": "no", "turn": 2, "text": "x"}),
        ("say", {"client_id": str(uuid4()), "turn": 0, "text": "x"}),
        ("say", {"client_id": str(uuid4()), "turn": "2", "text": "x"}),
        ("say", {"client_id": str(uuid4()), "turn": 2, "text": "x" * 20_001}),
        ("say", {"client_id": str(uuid4()), "turn": 2, "words": "x"}),
        ("say", {"client_id": str(uuid4()), "turn": 2}),
        ("say", {"client_id": str(uuid4()), "turn": 2, "text": "a\x00"}),
        ("judge-turn", {"client_id": str(uuid4()), "turn": 1, "ranks": {"x": 1}}),
        ("judge-turn", {"client_id": str(uuid4()), "turn": 1, "ranks": {"1": 10}}),
        ("judge-turn", {"client_id": str(uuid4()), "turn": 1, "best": True}),
        ("judge-turn", {"client_id": str(uuid4()), "turn": 1, "strength": 1}),
        ("ask-again", {}),
    ],
)
def test_a_wrong_body_is_refused_and_nothing_is_changed(cast, action, body):
    update_project(project=cast.project, conversation_opening="prompt")
    assignment = converse(cast.project, cast.bob, texts=COLOURS)
    decide(assignment, shown=assignment.order)

    answer = ask(cast.bob, assignment, action, body)

    assert answer.status_code == 400
    assert {"detail", "code"} <= answer.json().keys()
    assert Turn.objects.count() == 1


def test_a_turn_of_a_finished_conversation_is_looked_at_and_revised(cast):
    talk = converse(cast.project, cast.bob, texts=COLOURS)
    decide(talk, shown=talk.order)
    before = api_client(cast.bob).get(address(talk, "turns/1"))
    finish(assignment_id=talk.pk, annotator=cast.bob)
    first, second, third = talk.order
    body = {"client_id": str(uuid4()), "ranks": {first: 2, second: 1, third: 2}, "notes": "now"}

    sheet = api_client(cast.bob).get(address(talk, "turns/1")).json()
    answers = [api_client(cast.bob).post(address(talk, "turns/1/revise"), body, format="json") for _ in range(2)]
    wrong = {**body, "client_id": str(uuid4()), "best": second}
    refused = api_client(cast.bob).post(address(talk, "turns/1/revise"), wrong, format="json")

    assert before.status_code == 409
    assert sheet["draft"]["ranks"] == {str(first): 1, str(second): 2, str(third): 3}
    assert (sheet["conversation"]["step"], sheet["conversation"]["revisable"]) == ("revise", [1])
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json()["label"] == answers[1].json()["label"] == Label.objects.get(superseded_by=None).pk
    assert refused.status_code == 400
    assert Turn.objects.get().carried_id == first


@pytest.mark.parametrize("action", ["turns/1", "turns/1/revise"])
def test_a_judged_turn_is_out_of_others_reach(cast, action):
    talk = converse(cast.project, cast.bob, texts=COLOURS)
    decide(talk, shown=talk.order)
    finish(assignment_id=talk.pk, annotator=cast.bob)
    method = "post" if action.endswith("revise") else "get"
    body = {"client_id": str(uuid4()), "notes": "mine"} if method == "post" else None

    found = [
        getattr(api_client(user), method)(address(talk, action), body, format="json").status_code
        for user in (cast.dora, cast.rita, cast.charlie, None)
    ]

    assert found == [404, 404, 404, 401]
    assert Label.objects.count() == 1


def test_a_conversation_is_not_submitted_as_one_judgement(cast):
    assignment = converse(cast.project, cast.bob, texts=COLOURS)

    answer = api_client(cast.bob).post(
        address(assignment, "submit"), {"client_id": str(uuid4()), "best": assignment.order[0]}, format="json"
    )

    assert answer.status_code == 400
    assert "judged turn by turn" in answer.json()["detail"]


def test_an_admin_sets_how_conversations_go(cast):
    wanted = {
        "kinds": ["conversation"],
        "conversation_turns": 7,
        "conversation_sides": "both",
        "conversation_opening": "topic",
    }

    changed = api_client(cast.alice).patch("/api/v1/projects/colours/", wanted, format="json").json()
    wrong = [
        api_client(cast.alice).patch("/api/v1/projects/colours/", {name: value}, format="json").status_code
        for name, value in (("conversation_turns", 21), ("conversation_sides", "none"), ("conversation_opening", ""))
    ]

    assert {name: changed[name] for name in wanted} == wanted
    assert wrong == [400, 400, 400]
