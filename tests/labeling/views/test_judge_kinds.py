"""The kinds of judgement over HTTP: each on the same page, with what belongs to it and nothing else."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from factories import Cast, claim, make_item

from labeling.models import Completion, Label, Outcome

KINDS = ["rating", "best", "pair", "demonstration"]


@pytest.fixture
def asked(cast: Cast):
    """A function that puts an item of a kind first in the queue and gives bob's assignment on it."""

    def ask(kind: str, *, texts=None, to=None):
        shown = texts if texts is not None else ("Red.", "Blue.") if kind == "pair" else ("Red.", "Blue.", "Green.")
        make_item(cast.project, prompt=f"Name one, {kind}.", texts=shown, kind=kind, priority=9)
        return claim(cast.project, to or cast.bob)

    return ask


def filled(assignment, **others):
    """What the page of the assignment's kind sends when all is well."""
    first, *_ = assignment.order
    answers = {
        "rating": {f"rating-{pk}": "5" for pk in assignment.order},
        "best": {"best": str(first)},
        "pair": {"choice": "2"},
        "demonstration": {"text": "Turquoise.", "suggestion": ""},
    }
    form = {"client_id": str(uuid4()), "seconds": "3.5", "notes": "mine", f"flags-{first}": ["opinion"]}
    return {**form, **answers[assignment.item.kind], **others}


def url(assignment, action="submit"):
    return f"/p/colours/judge/{assignment.pk}/{action}/"


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_shows_the_kind_with_all_texts_and_nothing_chosen(cast, signed_in, asked, kind):
    assignment = asked(kind)

    page = signed_in(cast.bob).get("/p/colours/judge/")

    html = page.content.decode()
    assert f'data-kind="{kind}"' in html
    assert [html.index(f'data-completion="{pk}"') for pk in assignment.order] == sorted(
        html.index(f'data-completion="{pk}"') for pk in assignment.order
    )
    assert " checked" not in html
    assert "policy" not in html.lower()
    assert " style=" not in html


@pytest.mark.parametrize("kind", KINDS)
def test_one_request_submits_and_brings_the_next_item_of_whatever_kind(cast, signed_in, asked, kind):
    assignment = asked(kind)

    answer = signed_in(cast.bob, htmx=True).post(url(assignment), filled(assignment))

    label = Label.objects.get()
    assert (answer.status_code, label.kind, label.seconds, label.notes) == (200, kind, 3.5, "mine")
    assert 'data-kind="ranking"' in answer.content.decode()


def test_ratings_are_stored_without_ranks(cast, signed_in, asked):
    assignment = asked("rating")
    first, second, third = assignment.order

    signed_in(cast.bob).post(url(assignment), filled(assignment, **{f"rating-{first}": "1", f"rating-{third}": "7"}))

    label = Label.objects.get()
    assert dict(label.ratings.values_list("completion", "value")) == {first: 1, second: 5, third: 7}
    assert label.ratings.get(completion=first).flags == ["opinion"]
    assert (label.ranks.count(), label.comparisons.count()) == (0, 0)


def test_the_best_is_stored_with_the_flags_raised(cast, signed_in, asked):
    assignment = asked("best")
    first, second, _ = assignment.order

    signed_in(cast.bob).post(url(assignment), filled(assignment, best=str(second)))

    label = Label.objects.get()
    assert label.best_id == second
    assert list(label.ratings.values_list("completion", "value", "flags")) == [(first, None, ["opinion"])]


@pytest.mark.parametrize(
    ("choice", "chosen", "outcome", "strength"),
    [("1", 0, Outcome.WIN, 3), ("4", None, Outcome.TIE, None), ("5", 1, Outcome.WIN, 1)],
)
def test_a_pair_is_stored_as_a_comparison_and_how_much(cast, signed_in, asked, choice, chosen, outcome, strength):
    assignment = asked("pair")

    signed_in(cast.bob).post(url(assignment), filled(assignment, choice=choice))

    label = Label.objects.get()
    comparison = label.comparisons.get()
    assert (comparison.outcome, label.strength) == (outcome, strength)
    if chosen is not None:
        assert comparison.chosen_id == assignment.order[chosen]


def test_a_demonstration_is_stored_with_its_author_and_what_it_was_begun_from(cast, signed_in, asked):
    assignment = asked("demonstration")

    form = filled(assignment, text="Red, like\r\nroses.", suggestion=str(assignment.order[1]))
    signed_in(cast.bob).post(url(assignment), form)

    label = Label.objects.get()
    assert label.demonstration is not None
    assert (label.demonstration.text, label.demonstration.author) == ("Red, like\nroses.", cast.bob)
    assert label.suggestion_id == assignment.order[1]


def test_a_demonstration_without_suggestions_is_a_field_alone(cast, signed_in, asked):
    assignment = asked("demonstration", texts=())
    client = signed_in(cast.bob)

    html = client.get("/p/colours/judge/").content.decode()
    client.post(url(assignment), filled_without_completions(text="Mauve."))

    assert "Suggestions" not in html
    assert Label.objects.get().demonstration == Completion.objects.get(text="Mauve.")


def filled_without_completions(**others):
    return {"client_id": str(uuid4()), "seconds": "1", "notes": "", "suggestion": "", **others}


WRONG = [
    ("rating", {"rating": "8"}, "A: Use a rating from 1 to 7."),
    ("rating", {"rating": ""}, "A: Rate it from 1 to 7."),
    ("best", {"best": "999999"}, "Pick one of the completions shown."),
    ("best", {"best": ""}, "Pick one of the completions shown."),
    ("pair", {"choice": "8"}, "Use a number from 1 (A is much better) over 4 (tie) to 7 (B is much better)."),
    (
        "pair",
        {"choice": ""},
        "Say which one is better, from 1 (A is much better) over 4 (tie) to 7 (B is much better).",
    ),
    ("demonstration", {"suggestion": "999999"}, "The suggestion taken over is not one of those shown."),
    ("demonstration", {"text": " \n"}, "Write the completion that you would want to read."),
    (
        "demonstration",
        {"text": "w" * 100_001},
        "Ensure this value has at most 100000 characters (it has 100001).",
    ),
    ("demonstration", {"text": "a\x00b"}, "Null characters are not allowed."),
]


@pytest.mark.parametrize(("kind", "change", "said"), WRONG)
def test_what_is_wrong_is_said_in_place_and_the_work_is_kept(cast, signed_in, asked, kind, change, said):
    assignment = asked(kind)
    form = filled(assignment)
    if "rating" in change:
        change = {f"rating-{assignment.order[0]}": change["rating"]}

    answer = signed_in(cast.bob, htmx=True).post(url(assignment), {**form, **change})

    html = answer.content.decode()
    assert answer.status_code == 422
    assert f"<li>{said}</li>" in html
    assert "data-refused" in html
    assert ">\nmine</textarea>" in html
    if kind == "demonstration":
        assert change.get("text", "Turquoise.").strip() in html
    else:
        assert f'name="flags-{assignment.order[0]}" value="opinion" data-key="o" checked' in html
    assert not Label.objects.exists()
    assert not Completion.objects.filter(author=cast.bob).exists()


@pytest.mark.parametrize(("kind", "change", "said"), WRONG[2:7])
def test_a_script_gets_the_same_words_as_json(cast, signed_in, asked, kind, change, said):
    assignment = asked(kind)

    answer = signed_in(cast.bob, json=True).post(url(assignment), filled(assignment, **change))

    assert (answer.status_code, answer.json()) == (422, {"detail": said, "code": "invalid"})


def test_completions_of_another_item_are_not_part_of_this_one(cast, signed_in, asked):
    foreign = asked("best", to=cast.dora).order[0]
    mine = asked("rating")

    answer = signed_in(cast.bob).post(url(mine), filled(mine, **{f"rating-{foreign}": "1", "best": str(foreign)}))

    assert answer.status_code == 302
    assert set(Label.objects.get().ratings.values_list("completion", flat=True)) == set(mine.order)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stranger_an_outsider_and_a_visitor_change_nothing(cast, signed_in, asked, kind):
    assignment = asked(kind)
    form = filled(assignment)

    stranger = signed_in(cast.dora).post(url(assignment), form)
    outsider = signed_in(cast.charlie).post(url(assignment), form)
    researcher = signed_in(cast.rita).post(url(assignment), form)
    visitor = Client().post(url(assignment), form)

    assert [answer.status_code for answer in (stranger, outsider, researcher)] == [404, 404, 403]
    assert (visitor.status_code, visitor["Location"]) == (302, f"/login/?next={url(assignment)}")
    assert not Label.objects.exists()


DRAFTS = [
    ("best", lambda first, second: {"best": second}, 'value="{second}" checked'),
    ("pair", lambda first, second: {"ranks": {first: 2, second: 1}, "strength": 3}, 'name="choice" value="7" checked'),
    ("rating", lambda first, second: {"ratings": {second: 3}}, 'name="rating-{second}" value="3" checked'),
    ("demonstration", lambda first, second: {"text": "So <far>"}, "So &lt;far&gt;</textarea>"),
    ("demonstration", lambda first, second: {"suggestion": second}, 'name="suggestion" value="{second}"'),
]


@pytest.mark.parametrize(("kind", "draft", "shown"), DRAFTS)
def test_a_draft_is_kept_and_fills_the_page_again(cast, signed_in, asked, kind, draft, shown):
    assignment = asked(kind)
    first, second, *_ = assignment.order
    client = signed_in(cast.bob)

    saved = client.post(url(assignment, "draft"), json.dumps(draft(first, second)), content_type="application/json")
    html = client.get("/p/colours/judge/").content.decode()

    assert saved.json() == {"saved": True}
    assert shown.format(second=second) in html


@pytest.mark.parametrize("kind", KINDS)
def test_sending_the_same_judgement_twice_stores_it_once(cast, signed_in, asked, kind):
    assignment = asked(kind)
    form = filled(assignment)
    client = signed_in(cast.bob, json=True)

    answers = [client.post(url(assignment), form).json() for _ in range(2)]

    label = Label.objects.get()
    assert answers == [{"label": label.pk, "created": True}, {"label": label.pk, "created": False}]


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_item_weighs_less_than_30_kb(cast, signed_in, asked, kind):
    asked(kind)

    answer = signed_in(cast.bob, htmx=True).get("/p/colours/judge/")

    assert len(answer.content) < 30_000


def test_every_kind_costs_the_queries_of_a_ranking(cast, signed_in, asked):
    client = signed_in(cast.bob, htmx=True)
    counts = {}
    for kind in ("ranking", *KINDS):
        assignment = asked(kind)
        client.get("/p/colours/judge/")
        with CaptureQueriesContext(connection) as queries:
            client.get("/p/colours/judge/")
        counts[kind] = len(queries)
        client.post(url(assignment, "skip"))

    assert counts == dict.fromkeys(("ranking", *KINDS), counts["ranking"])
