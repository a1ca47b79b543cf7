from __future__ import annotations

import pytest
from factories import claim, judge, make_item

from labeling.services.assignments import save_draft, skip


def test_own_work_is_listed_by_state_with_counts(cast, signed_in):
    judge(cast.project, cast.bob)
    begun = claim(cast.project, cast.bob)
    save_draft(assignment_id=begun.pk, annotator=cast.bob, draft={"notes": "so far"})
    make_item(cast.project, prompt="For dora.", priority=9)
    judge(cast.project, cast.dora)
    client = signed_in(cast.bob)

    pages = {state: client.get(f"/p/colours/queue/?state={state}") for state in ("active", "submitted", "skipped", "x")}

    html = {state: page.content.decode() for state, page in pages.items()}
    assert "Name a colour, number 1." in html["active"]
    assert "Name a colour, number 0." in html["submitted"]
    assert "You skipped nothing" in html["skipped"]
    assert pages["x"].context["state"] == "active"
    assert not any("For dora." in text for text in html.values())
    counts = pages["active"].context["counts"]
    assert (counts.drafts, counts.submitted, counts.skipped) == (1, 1, 0)


def test_an_item_that_nobody_touched_is_no_draft(cast, signed_in):
    claim(cast.project, cast.bob)

    page = signed_in(cast.bob).get("/p/colours/queue/")

    assert page.context["counts"].drafts == 0
    assert "Name a colour" not in page.content.decode()


def test_a_skipped_item_shows_its_reason(cast, signed_in):
    skip(assignment_id=claim(cast.project, cast.bob).pk, annotator=cast.bob, reason="language")
    skip(assignment_id=claim(cast.project, cast.bob).pk, annotator=cast.bob, reason="other: <b>why</b> me?")

    html = signed_in(cast.bob).get("/p/colours/queue/?state=skipped").content.decode()
    assert "<td>A language that I don&#x27;t know</td>" in html
    assert "<td>&lt;b&gt;why&lt;/b&gt; me?</td>" in html


@pytest.mark.parametrize("count", [1, 50])
def test_the_list_costs_the_same_queries_for_any_number_of_rows(cast, signed_in, django_assert_num_queries, count):
    for number in range(count):
        make_item(cast.project, prompt=f"More, number {number}.", priority=1)
        judge(cast.project, cast.bob)
    client = signed_in(cast.bob)

    with django_assert_num_queries(5):
        page = client.get("/p/colours/queue/?state=submitted")

    assert page.content.decode().count("<tr>") == count + 1


def test_pages_of_fifty_keep_the_state(cast, signed_in):
    for number in range(51):
        make_item(cast.project, prompt=f"More, number {number}.", priority=1)
        judge(cast.project, cast.bob)

    page = signed_in(cast.bob).get("/p/colours/queue/?state=submitted")

    html = page.content.decode()
    assert "1 to 50 of 51" in html
    assert 'href="?state=submitted&amp;page=2"' in html
