"""Pages that show what the loop does: who sees them, and what they say."""

from __future__ import annotations

import re

import pytest
from factories import judge
from seeing import versions_meet

from labeling.models import Item

pytestmark = pytest.mark.django_db
PAGES = ["leaderboard/", "leaderboard/?basis=all&length=1"]


def page(client, user, path):
    client.force_login(user)
    return client.get(f"/p/colours/{path}")


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.mark.parametrize("path", PAGES)
def test_admins_and_researchers_see_it_annotators_strangers_and_visitors_do_not(client, compared, path):
    people = (compared.alice, compared.rita, compared.bob, compared.charlie)

    statuses = [page(client, user, path).status_code for user in people]
    client.logout()
    visitor = client.get(f"/p/colours/{path}")

    assert statuses == [200, 200, 403, 404]
    assert (visitor.status_code, visitor["Location"][:13]) == (302, "/login/?next=")


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_inline_script_or_style(client, compared, path):
    shown = page(client, compared.alice, path).content.decode()

    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", shown)


def test_the_leaderboard_shows_fair_comparisons_as_soon_as_there_are_some(client, compared):
    before = text(page(client, compared.rita, "leaderboard/"))
    Item.objects.filter(labels__isnull=False).update(
        rule="random", propensity=1.0, random_propensity=1.0, is_random=True
    )
    judge(compared.project, compared.bob)
    after = text(page(client, compared.rita, "leaderboard/"))

    assert "All comparisons count" in before
    assert "Only comparisons whose completions were not picked by a rule count" in after
    assert "version 1, the base" in after
    assert "of 1" in after


def test_a_project_in_which_nobody_judged_says_so(client, compared):
    client.force_login(compared.charlie)

    shown = text(client.get("/p/other-colours/leaderboard/"))

    assert "Nothing was compared yet" in shown
    assert "Nobody has judged yet" in shown


def test_more_versions_and_judgements_need_no_more_queries(client, compared, django_assert_max_num_queries):
    client.force_login(compared.alice)

    def queries():
        client.get("/p/colours/leaderboard/")  # so that what is counted is kept
        with django_assert_max_num_queries(25) as counted:
            client.get("/p/colours/leaderboard/")
        return len(counted)

    one = queries()
    for version in range(3, 30):
        versions_meet(compared.project, f"Of {version}?", {1: "Red.", version: "Blue."}, priority=5)
        judge(compared.project, compared.bob)

    assert queries() == one
