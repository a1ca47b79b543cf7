"""Back to what one judged: listed, opened, revised, and never changed by looking at it."""

from __future__ import annotations

import datetime as dt
import json
from uuid import uuid4

import pytest
from factories import a_verdict, claim, end_lease, judge, make_item, write

from labeling.models import Assignment, Label
from labeling.services.assignments import skip
from labeling.services.labels import submit_label
from labeling.services.revisions import revise_label


def url(assignment, action="revise/"):
    return f"/p/colours/judge/{assignment.pk}/{action}"


def filled(label, *, ratings=(7, 4, 1), places=(3, 2, 1), **others):
    """The page's form for a judgement, in the order shown."""
    form = {"client_id": str(uuid4()), "seconds": "4", "notes": "", "revises": str(label.pk), **others}
    for pk, rating, place in zip(label.assignment.order, ratings, places, strict=True):
        form |= {f"rating-{pk}": rating, f"place-{pk}": place}
    return form


def changes(label, **others):
    """What the page keeps of changes that were begun."""
    return json.dumps({"notes": "not so sure", "revises": label.pk, **others})


def test_a_judgement_is_shown_as_it_stands_and_said_to_be_one(cast, signed_in):
    label = judge(cast.project, cast.bob, ratings=(7, 4, 1), ranks=(2, 1, 2))

    page = signed_in(cast.bob).get(url(label.assignment, ""))

    html = page.content.decode()
    first, second, _ = label.assignment.order
    assert "You are revising what you judged." in html
    assert f'name="rating-{first}" value="7" checked' in html
    assert f'name="rating-{second}" value="4" checked' in html
    assert html.count('<option value="2" selected>') == 2
    assert f'action="{url(label.assignment)}"' in html
    assert "/skip/" not in html
    assert "/heartbeat/" not in html


@pytest.mark.parametrize("kind", ["rating", "best", "pair", "demonstration"])
def test_a_judgement_of_each_kind_is_opened_on_its_own_page(cast, signed_in, kind):
    make_item(cast.project, texts=("Red.", "Blue."), kind=kind, priority=9)
    assignment = claim(cast.project, cast.bob)
    first, second = assignment.order
    form = {
        "client_id": str(uuid4()),
        "seconds": "1",
        "notes": "clear",
        "choice": "6",
        "best": second,
        "text": "Mauve.",
    }
    client = signed_in(cast.bob)
    client.post(url(assignment, "submit/"), {**form, f"rating-{first}": "2", f"rating-{second}": "6"})

    html = client.get(url(assignment, "")).content.decode()

    shown = {
        "rating": f'name="rating-{second}" value="6" checked',
        "best": f'name="best" value="{second}" checked',
        "pair": 'name="choice" value="6" checked',
        "demonstration": "Mauve.</textarea>",
    }
    assert shown[kind] in html
    assert "clear</textarea>" in html


def test_a_revision_supersedes_and_the_next_item_comes_with_a_word(cast, signed_in):
    old = judge(cast.project, cast.bob)
    Label.objects.update(created=old.created - dt.timedelta(minutes=1))

    answer = signed_in(cast.bob, htmx=True).post(url(old.assignment), filled(old))

    new = Label.objects.get(superseded_by__isnull=True)
    assert new.assignment is not None
    old.refresh_from_db()
    assert (old.superseded_by, new.seconds) == (new, 4)
    assert dict(new.ranks.values_list("completion", "rank")) == dict(zip(new.assignment.order, (3, 2, 1), strict=True))
    assert json.loads(answer["HX-Trigger"]) == {"prefloop:said": {"text": "Your judgement was revised."}}
    assert answer["HX-Push-Url"] == "/p/colours/judge/"
    assert f'data-assignment="{Assignment.objects.latest("id").pk}"' in answer.content.decode()
    assert f'data-assignment="{old.assignment_id}"' not in answer.content.decode()


def test_a_revision_that_changes_nothing_stores_nothing(cast, signed_in):
    old = judge(cast.project, cast.bob, ratings=(7, 4, 1), ranks=(1, 2, 3))
    form = filled(old, ratings=(7, 4, 1), places=(1, 2, 3))

    page = signed_in(cast.bob).post(url(old.assignment), form, follow=True)

    assert "Your judgement stands as it was." in page.content.decode()
    assert page.redirect_chain == [("/p/colours/judge/", 302)]
    assert Label.objects.count() == 1


def test_looking_and_leaving_change_nothing(cast, signed_in):
    old = judge(cast.project, cast.bob)
    before = list(Assignment.objects.values())

    signed_in(cast.bob).get(url(old.assignment, ""))

    assert list(Assignment.objects.values()) == before
    assert Label.objects.count() == 1


def test_changes_that_were_begun_come_back_and_the_judgement_stands(cast, signed_in):
    old = judge(cast.project, cast.bob)
    client = signed_in(cast.bob, json=True)

    saved = client.post(url(old.assignment, "revise/draft/"), changes(old), content_type="application/json")
    html = signed_in(cast.bob).get(url(old.assignment, "")).content.decode()

    assert saved.json() == {"saved": True}
    assert "not so sure</textarea>" in html
    assert Label.objects.get().notes == ""
    assert "change begun" in signed_in(cast.bob).get("/p/colours/queue/?state=submitted").content.decode()


def test_changes_that_were_undone_are_kept_no_more(cast, signed_in):
    old = judge(cast.project, cast.bob)
    client = signed_in(cast.bob, json=True)

    for kept in (changes(old), json.dumps({"revises": old.pk})):
        client.post(url(old.assignment, "revise/draft/"), kept, content_type="application/json")

    assert Assignment.objects.get(pk=old.assignment_id).draft == {}


def test_a_revision_is_done_with_the_changes_that_were_begun(cast, signed_in):
    old = judge(cast.project, cast.bob)
    client = signed_in(cast.bob, json=True)
    client.post(url(old.assignment, "revise/draft/"), changes(old), content_type="application/json")

    client.post(url(old.assignment), filled(old))

    assert Assignment.objects.get(pk=old.assignment_id).draft == {}


def test_the_second_of_two_tabs_gets_409_and_changes_nothing(cast, signed_in):
    old = judge(cast.project, cast.bob)
    client = signed_in(cast.bob, htmx=True)
    client.post(url(old.assignment), filled(old, places=(1, 1, 2)))

    answer = client.post(url(old.assignment), filled(old, places=(2, 1, 2)))
    draft = client.post(url(old.assignment, "revise/draft/"), changes(old), content_type="application/json")

    assert (answer.status_code, answer["HX-Retarget"], draft.status_code) == (409, "#notices", 409)
    assert "in another tab or window" in answer.content.decode()
    assert Label.objects.count() == 2
    assert Assignment.objects.get(pk=old.assignment_id).draft == {}


def test_the_same_revision_sent_twice_is_stored_once(cast, signed_in):
    old = judge(cast.project, cast.bob)
    client, form = signed_in(cast.bob, json=True), filled(old)

    answers = [client.post(url(old.assignment), form).json() for _ in range(2)]

    label = Label.objects.get(superseded_by__isnull=True)
    assert answers == [{"label": label.pk, "created": True}, {"label": label.pk, "created": False}]


def test_a_wrong_revision_is_answered_in_place_with_the_work_kept(cast, signed_in):
    old = judge(cast.project, cast.bob)
    form = filled(old, ratings=(8, 4, 1), notes="mine")

    page = signed_in(cast.bob, htmx=True).post(url(old.assignment), form)
    script = signed_in(cast.bob, json=True).post(url(old.assignment), form)

    html = page.content.decode()
    assert page.status_code == 422
    assert "A: Use a rating from 1 to 7." in html
    assert "mine</textarea>" in html
    assert "You are revising what you judged." in html
    assert (script.status_code, script.json()["code"]) == (422, "invalid")
    assert Label.objects.count() == 1


@pytest.mark.parametrize("revises", ["", "x", "-1", "9" * 30, "٣"])
def test_a_revision_of_no_label_is_refused(cast, signed_in, revises):
    old = judge(cast.project, cast.bob)
    client = signed_in(cast.bob)

    answer = client.post(url(old.assignment), filled(old, revises=revises))
    draft = client.post(
        url(old.assignment, "revise/draft/"), changes(old, revises=revises), content_type="application/json"
    )

    assert (answer.status_code, draft.status_code) == (400, 400)
    assert "name the label that was shown" in answer.content.decode()
    assert Label.objects.count() == 1


@pytest.mark.parametrize("state", ["active", "skipped"])
def test_what_was_not_judged_cannot_be_opened_or_revised(cast, signed_in, state):
    assignment = claim(cast.project, cast.bob)
    if state == "skipped":
        skip(assignment_id=assignment.pk, annotator=cast.bob)
    client = signed_in(cast.bob)

    answers = [client.get(url(assignment, "")), client.post(url(assignment), {"revises": "1"})]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert f"This assignment is {state}: there is no judgement to revise" in answers[0].content.decode()


def test_an_extra_judgement_can_be_revised(cast, signed_in):
    late = claim(cast.project, cast.bob)
    end_lease(late)
    judge(cast.project, cast.dora)
    old = submit_label(assignment_id=late.pk, annotator=cast.bob, verdict=a_verdict(late), client_id=uuid4()).label

    signed_in(cast.bob).post(url(late), filled(old))

    assert list(late.labels.values_list("is_extra", flat=True)) == [True, True]


# --- The way back -----------------------------------------------------------------------------------------------------


def test_back_leads_from_the_last_judgement_to_the_one_before_and_then_nowhere(cast, signed_in):
    first, second = judge(cast.project, cast.bob), judge(cast.project, cast.bob)
    make_item(cast.project, prompt="For dora.")
    judge(cast.project, cast.dora)
    client = signed_in(cast.bob)

    steps = [client.get("/p/colours/judge/back/", {"before": before}) for before in ("", second.assignment_id)]
    end = client.get("/p/colours/judge/back/", {"before": first.assignment_id}, follow=True)

    assert [step["Location"] for step in steps] == [url(second.assignment, ""), url(first.assignment, "")]
    assert "There is nothing that you judged before this." in end.content.decode()


def test_back_with_nothing_judged_leaves_the_open_item_where_it_is(cast, signed_in):
    answer = signed_in(cast.bob, htmx=True).get("/p/colours/judge/back/")

    assert (answer.status_code, answer.content) == (204, b"")
    assert "prefloop:said" in answer["HX-Trigger"]


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "٣", "0"])
def test_back_from_nowhere_is_back_from_the_end(cast, signed_in, before):
    label = judge(cast.project, cast.bob)

    answer = signed_in(cast.bob).get("/p/colours/judge/back/", {"before": before})

    assert answer["Location"] == url(label.assignment, "")


def test_a_revision_does_not_change_the_way_back(cast, signed_in):
    first, second = judge(cast.project, cast.bob), judge(cast.project, cast.bob)
    client = signed_in(cast.bob, json=True)
    client.post(url(first.assignment, "revise/draft/"), changes(first), content_type="application/json")
    revise_label(
        assignment_id=first.assignment_id,
        annotator=cast.bob,
        verdict=a_verdict(first.assignment, ranks=(3, 2, 1)),
        client_id=uuid4(),
    )

    assert signed_in(cast.bob).get("/p/colours/judge/back/")["Location"] == url(second.assignment, "")


@pytest.mark.parametrize("count", [1, 12])
def test_the_last_judgements_are_listed_in_a_fixed_number_of_queries(cast, signed_in, django_assert_num_queries, count):
    for number in range(count):
        make_item(cast.project, prompt=f"More, number {number}.", priority=1)
        judge(cast.project, cast.bob)
    client = signed_in(cast.bob)

    with django_assert_num_queries(3):
        html = client.get("/p/colours/judge/last/").content.decode()

    assert html.count("<li>") == min(count, 9)
    assert f"More, number {count - 1}." in html


def test_the_list_says_what_was_revised(cast, signed_in):
    write_first = make_item(cast.project, texts=(), kind="demonstration", priority=9)
    label = write(cast.project, cast.bob, "Blue.")
    form = {"client_id": str(uuid4()), "seconds": "1", "notes": "", "text": "Azure.", "revises": str(label.pk)}
    client = signed_in(cast.bob)

    client.post(url(label.assignment), form)

    assert write_first.labels.count() == 2
    assert "· revised" in client.get("/p/colours/judge/last/").content.decode()
    assert '<span class="badge">revised</span>' in client.get("/p/colours/queue/?state=submitted").content.decode()
