"""A new annotator's own qualification: what they see before, after and in between."""

from __future__ import annotations

from uuid import uuid4

import pytest
from factories import a_verdict, claim, judge

from labeling.services.assignments import lock_membership
from labeling.services.known import NewKnown, add_known, change_settings
from labeling.services.labels import submit_label
from labeling.services.probes import give

PATH = "/p/colours/qualification/"


@pytest.fixture
def asked(cast):
    """The project asks for one item of three that are there."""
    new = [
        NewKnown(messages=f"What is {n} + 1?", texts=["a", "b", "c"], ranks=[1, 2, 3], explanation="Count up.")
        for n in range(3)
    ]
    add_known(project=cast.project, new=new, author=cast.alice)
    change_settings(
        project=cast.project,
        changed_by=cast.alice,
        qualification_items=1,
        qualification_tries=2,
        qualification_feedback=True,
    )
    return cast


def fail(cast):
    assignment = claim(cast.project, cast.bob)
    ids = list(assignment.item.entries.values_list("completion", flat=True))
    ranks = [3 - ids.index(pk) for pk in assignment.order]
    verdict = a_verdict(assignment, ranks=ranks)
    submit_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=verdict, client_id=uuid4())


def test_before_it_begins_the_page_says_what_is_asked(asked, signed_in):
    page = signed_in(asked.bob).get(PATH).content.decode()

    assert "You begin with 1 item whose answer is known; 75 % of it has to be right." in page
    assert "Start judging" in page


def test_the_judging_page_shows_its_items_like_any_other(asked, signed_in):
    page = signed_in(asked.bob).get("/p/colours/judge/").content.decode()

    assert "+ 1?" in page
    assert "known" not in page.lower().replace("unknown", "")
    assert "ualification" not in page


def test_who_did_not_reach_the_mark_sees_why_and_may_try_again(asked, signed_in):
    fail(asked)
    client = signed_in(asked.bob)

    nothing = client.get("/p/colours/judge/").content.decode()
    page = client.get(PATH).content.decode()
    begun = client.post(f"{PATH}again/")

    assert "0 % was right; 75 % is asked for." in nothing
    assert "To the next try" in nothing
    assert "0 of 3 right" in page
    assert "Count up." in page
    assert page.count("place 1") == 2, "theirs and the known one"
    assert begun.status_code == 302
    assert "+ 1?" in client.get("/p/colours/judge/").content.decode()
    assert client.post(f"{PATH}again/").status_code == 409


def test_without_feedback_nobody_sees_what_is_right(asked, signed_in):
    fail(asked)
    change_settings(project=asked.project, changed_by=asked.alice, qualification_feedback=False)

    page = signed_in(asked.bob).get(PATH).content.decode()

    assert "Count up." not in page
    assert "place 1" not in page


def test_while_a_try_is_open_nothing_of_it_is_told(asked, signed_in):
    change_settings(project=asked.project, changed_by=asked.alice, qualification_items=2)
    judge(asked.project, asked.bob)

    page = signed_in(asked.bob).get(PATH).content.decode()

    assert "1 of 2 items judged" in page
    assert "Count up." not in page


def test_where_the_project_tells_at_once_what_was_expected_comes_before_the_next_item(asked, signed_in):
    change_settings(project=asked.project, changed_by=asked.alice, qualification_items=2, tells_at_once=True)
    client = signed_in(asked.bob, htmx=True)
    told = [send(client, claim(asked.project, asked.bob)) for _ in range(2)]
    assert [("What is" in page, "Here is what was expected" in page) for page in told] == [(True, True)] * 2
    assert "3 of 3 right" in told[0]
    assert 'id="item-2"' in told[1]

    after = send(client, claim(asked.project, asked.bob))

    assert "Here is what was expected" not in after


def send(client, assignment):
    ids = list(assignment.item.entries.order_by("completion").values_list("completion", flat=True))
    body = {"client_id": str(uuid4()), "seconds": "5"}
    for pk in assignment.order:
        body |= {f"rating-{pk}": "4", f"place-{pk}": str(ids.index(pk) + 1)}
    return client.post(f"/p/colours/judge/{assignment.pk}/submit/", body).content.decode()


def test_a_summary_of_those_mixed_in_comes_after_every_five_and_names_none(asked, signed_in):
    new = [NewKnown(messages=f"{n}?", texts=["a", "b"], ranks=[1, 2]) for n in range(7)]
    add_known(project=asked.project, new=new, author=asked.alice)
    change_settings(project=asked.project, changed_by=asked.alice, qualification_items=0, tells_later=5)
    give(lock_membership(project_id=asked.project.pk, user=asked.bob), number=7)
    pages = []
    for _ in range(7):
        judge(asked.project, asked.bob)
        pages.append(signed_in(asked.bob).get("/p/colours/quality/me/").content.decode())

    assert ["Of the first 5 items with known answers" in page for page in pages] == [False] * 4 + [True] * 3
    assert len({page[page.index("Of the first 5") :][:120] for page in pages[4:]}) == 1
    assert "Of the first" not in signed_in(asked.dora).get("/p/colours/quality/me/").content.decode()
