from __future__ import annotations

import json
from uuid import uuid4

import pytest
from factories import a_verdict, claim, judge, make_cast, make_item

from labeling.models import Assignment, Label, Membership, State
from labeling.services.labels import submit_label
from labeling.services.projects import update_project


def filled(assignment, *, ratings=(7, 4, 1), places=(1, 2, 3), **others):
    """The page's form for an assignment, in the order shown."""
    form = {"client_id": str(uuid4()), "seconds": "12.5", "notes": "", **others}
    for pk, rating, place in zip(assignment.order, ratings, places, strict=True):
        form |= {f"rating-{pk}": rating, f"place-{pk}": place}
    return form


def url(assignment, action):
    return f"/p/colours/judge/{assignment.pk}/{action}/"


def test_the_page_shows_the_prompt_and_the_completions_in_their_order_and_not_who_wrote_them(cast, signed_in):
    page = signed_in(cast.bob).get("/p/colours/judge/")

    assignment = Assignment.objects.get(annotator=cast.bob)
    html = page.content.decode()
    places = [html.index(f'data-completion="{pk}"') for pk in assignment.order]
    assert places == sorted(places)
    assert "Name a colour, number 0." in html
    assert "policy" not in html.lower()


def test_one_request_submits_and_brings_the_next_item(cast, signed_in):
    first = claim(cast.project, cast.bob)

    answer = signed_in(cast.bob, htmx=True).post(url(first, "submit"), filled(first, places=(1, 3, 3)))

    label = Label.objects.get()
    assert answer.status_code == 200
    newest = Assignment.objects.latest("id").pk
    assert newest != first.pk
    assert answer.content.decode().strip().startswith(f'<div id="item" class="item" data-assignment="{newest}"')
    assert dict(label.ranks.values_list("completion", "rank")) == dict(zip(first.order, (1, 2, 2), strict=True))
    assert dict(label.ratings.values_list("completion", "value")) == dict(zip(first.order, (7, 4, 1), strict=True))
    assert label.seconds == 12.5


def test_without_htmx_the_submit_leads_back_to_the_page(cast, signed_in):
    first = claim(cast.project, cast.bob)

    answer = signed_in(cast.bob).post(url(first, "submit"), filled(first))

    assert (answer.status_code, answer["Location"]) == (302, "/p/colours/judge/")


def test_a_script_that_sends_what_was_queued_gets_json_and_may_repeat_itself(cast, signed_in):
    first = claim(cast.project, cast.bob)
    form = filled(first)
    client = signed_in(cast.bob, json=True)

    answers = [client.post(url(first, "submit"), form).json() for _ in range(2)]

    label = Label.objects.get()
    assert answers == [{"label": label.pk, "created": True}, {"label": label.pk, "created": False}]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ratings": (8, 4, 1)}, "A: Use a rating from 1 to 7."),
        ({"ratings": ("", 4, 1)}, "A: Rate it from 1 to 7."),
        ({"places": (1, 2, "")}, "C: Give it a place in the ranking."),
        ({"places": (1, 2, 4)}, "C: Select a valid choice. 4 is not one of the available choices."),
        ({"notes": "n" * 20_001}, "Notes: Ensure this value has at most 20000 characters (it has 20001)."),
        ({"client_id": "no-uuid"}, "client_id: Enter a valid UUID."),
        ({"seconds": "nan"}, "seconds: Enter a number."),
        ({"seconds": "-1"}, "seconds: Ensure this value is greater than or equal to 0."),
    ],
)
def test_a_forged_form_is_answered_in_place_with_the_work_kept(cast, signed_in, change, said):
    first = claim(cast.project, cast.bob)

    answer = signed_in(cast.bob, htmx=True).post(url(first, "submit"), filled(first, **{"notes": "mine", **change}))

    html = answer.content.decode()
    assert answer.status_code == 422
    assert f"<li>{said}</li>" in html
    assert f'name="rating-{first.order[1]}" value="4" checked' in html
    assert "data-refused" in html
    assert not Label.objects.exists()


def test_an_unknown_flag_is_refused(cast, signed_in):
    first = claim(cast.project, cast.bob)

    form = filled(first, **{f"flags-{first.order[0]}": "made_up"})
    answer = signed_in(cast.bob).post(url(first, "submit"), form)

    assert answer.status_code == 422
    assert not Label.objects.exists()


def test_fields_of_another_item_change_nothing(cast, signed_in):
    other = claim(cast.project, cast.dora)
    mine = claim(cast.project, cast.bob)

    signed_in(cast.bob).post(url(mine, "submit"), {**filled(other), **filled(mine)})

    assert set(Label.objects.get().ratings.values_list("completion", flat=True)) == set(mine.order)


def test_a_client_id_of_another_judgement_gets_409_with_the_reason_beside_the_work(cast, signed_in):
    stored = judge(cast.project, cast.bob)
    second = claim(cast.project, cast.bob)

    form = filled(second, client_id=str(stored.client_id))
    answer = signed_in(cast.bob, htmx=True).post(url(second, "submit"), form)

    assert answer.status_code == 409
    assert answer["HX-Retarget"] == "#notices"
    assert "belongs to another judgement" in answer.content.decode()
    assert Label.objects.count() == 1


def test_judging_twice_gets_409(cast, signed_in):
    first = claim(cast.project, cast.bob)
    submit_label(assignment_id=first.pk, annotator=cast.bob, verdict=a_verdict(first), client_id=uuid4())

    answer = signed_in(cast.bob).post(url(first, "submit"), filled(first))

    assert answer.status_code == 409
    assert "This assignment is already judged" in answer.content.decode()


def test_a_fragment_for_somebody_signed_out_is_refused_where_they_are(cast, client):
    first = claim(cast.project, cast.bob)

    answer = client.post(url(first, "submit"), filled(first), headers={"HX-Request": "true"})

    assert (answer.status_code, answer["HX-Retarget"]) == (401, "#notices")
    assert "kept in this browser" in answer.content.decode()


def test_an_assignment_of_another_project_is_not_found_under_this_one(cast, signed_in):
    other = make_item(cast.other_project)
    assignment = claim(cast.other_project, cast.charlie)
    cast.project.memberships.create(user=cast.charlie, role="annotator")

    answer = signed_in(cast.charlie).post(url(assignment, "skip"))

    assert answer.status_code == 404
    assert other.assignments.get().state == State.ACTIVE


def test_a_skipped_item_goes_to_others_and_the_reason_is_kept(cast, signed_in):
    first = claim(cast.project, cast.bob)

    answer = signed_in(cast.bob, htmx=True).post(url(first, "skip"), {"reason": "language"})

    first.refresh_from_db()
    assert (first.state, first.skip_reason) == (State.SKIPPED, "language")
    assert f'data-assignment="{Assignment.objects.exclude(pk=first.pk).get().pk}"' in answer.content.decode()
    assert claim(cast.project, cast.dora).item_id == first.item_id


def test_a_draft_is_kept_and_fills_the_page_again(cast, signed_in):
    first = claim(cast.project, cast.bob)
    one, two, _ = first.order
    draft = {"ratings": {one: 6}, "flags": {two: ["opinion"]}, "ranks": {one: 3}, "notes": "so far", "seconds": 7}
    client = signed_in(cast.bob)

    saved = client.post(url(first, "draft"), json.dumps(draft), content_type="application/json")
    html = client.get("/p/colours/judge/").content.decode()

    assert saved.json() == {"saved": True}
    assert f'name="rating-{one}" value="6" checked' in html
    assert f'name="flags-{two}" value="opinion" data-key="o" checked' in html
    assert '<option value="3" selected>' in html
    assert "so far" in html


@pytest.mark.parametrize(
    "draft",
    [
        {"ratings": [1], "flags": 3, "ranks": "x", "notes": {"a": 1}, "seconds": "long", "client_id": 7},
        {"ratings": {"x": "y"}, "saved_at": "<script>"},
        {"flags": {"1": "opinion"}},
    ],
)
def test_a_draft_of_another_shape_does_not_break_the_page(cast, signed_in, draft):
    first = claim(cast.project, cast.bob)
    first.draft = draft
    first.save()

    page = signed_in(cast.bob).get("/p/colours/judge/")

    assert page.status_code == 200
    assert "<script>" not in page.content.decode()


@pytest.mark.parametrize(
    "body",
    [
        b"no json",
        b"[1]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"notes": "\\u0000"}',
        b'{"notes": "\\ud800"}',
        b'{"seconds": NaN}',
    ],
)
def test_a_draft_that_is_no_object_is_refused(cast, signed_in, body):
    first = claim(cast.project, cast.bob)

    answer = signed_in(cast.bob, json=True).post(url(first, "draft"), body, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_a_heartbeat_renews_the_lease(cast, signed_in):
    first = claim(cast.project, cast.bob)
    Assignment.objects.filter(pk=first.pk).update(lease_expires="2020-01-01T00:00Z")

    answer = signed_in(cast.bob, json=True).post(url(first, "heartbeat"))

    first.refresh_from_db()
    assert answer.json() == {"lease_expires": first.lease_expires.isoformat()}
    assert first.lease_expires.year > 2020


def test_a_paused_project_says_so(cast, signed_in):
    update_project(project=cast.project, is_paused=True)

    assert "The project is paused" in signed_in(cast.bob).get("/p/colours/judge/").content.decode()


def test_the_end_of_the_queue_says_so_and_looks_again_by_itself(cast, signed_in):
    judge(cast.project, cast.bob)
    judge(cast.project, cast.bob)

    html = signed_in(cast.bob).get("/p/colours/judge/").content.decode()

    assert "All done for now" in html
    assert 'hx-trigger="every 15s"' in html


@pytest.mark.parametrize("completions", [2, 9])
def test_an_item_costs_the_same_queries_whatever_its_size(
    db, settings, signed_in, django_assert_num_queries, completions
):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cast = make_cast(num_items=3, texts=[f"Text {number}." for number in range(completions)])
    client = signed_in(cast.bob, htmx=True)
    client.get("/p/colours/judge/")

    with django_assert_num_queries(9):
        client.get("/p/colours/judge/")


@pytest.mark.parametrize("completions", [2, 9])
def test_to_submit_and_get_the_next_item_costs_the_same_queries_whatever_its_size(
    db, settings, signed_in, django_assert_num_queries, completions
):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cast = make_cast(num_items=2, texts=[f"Text {number}." for number in range(completions)])
    first = claim(cast.project, cast.bob)
    client = signed_in(cast.bob, htmx=True)
    form = filled(first, ratings=[4] * completions, places=[1] * completions)

    # The session with its person; the assignment with their place; in one transaction the same two locked, the label,
    # and the next assignment with its sheet. Within a test the transaction is a savepoint of two more.
    with django_assert_num_queries(1 + 1 + 3 + 2):
        answer = client.post(url(first, "submit"), form)

    assert answer.status_code == 200


@pytest.mark.parametrize(("completions", "limit"), [(2, 30_000), (4, 30_000), (9, 64_000)])
def test_the_next_item_weighs_little(db, settings, signed_in, completions, limit):
    """30 kB with the usual four completions of 400 characters; nine have twice as much to be filled in."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cast = make_cast(num_items=2, texts=[f"{number} {'Some words. ' * 33}" for number in range(completions)])
    first = claim(cast.project, cast.bob)
    form = filled(first, ratings=[4] * completions, places=[1] * completions)

    answer = signed_in(cast.bob, htmx=True).post(url(first, "submit"), form)

    assert answer.status_code == 200
    assert len(answer.content) < limit


def test_who_is_routed_away_is_told_in_plain_words(cast, signed_in):
    Membership.objects.filter(project=cast.project, user=cast.bob).update(is_routed_away=True)

    page = signed_in(cast.bob).get("/p/colours/judge/").content.decode()

    assert "Nothing for you at the moment" in page
    assert "Nothing for you at the moment" not in signed_in(cast.dora).get("/p/colours/judge/").content.decode()
