"""Reviewers decide on the judging page: with its keys, its cards to drag and its submit."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from e2e.conftest import Visitors
from e2e.judging import RULES_OF_COLOUR, drag, press, violations
from factories import Cast, a_verdict, claim, make_user
from playwright.sync_api import Page, expect

from labeling.models import Label, Review, Role, Source
from labeling.services.figures import refresh
from labeling.services.labels import submit_label
from labeling.services.projects import set_member, update_project
from labeling.services.reviews import change_review_settings

pytestmark = pytest.mark.browser
ANSWERED = ((4, 6, 2), (6, 2, 5))


@pytest.fixture
def reviews(cast: Cast) -> list[Review]:
    """Two items on which bob and dora agree in nothing; vera reviews."""
    update_project(project=cast.project, overlap=2, apply_to_open_items=True)
    change_review_settings(project=cast.project, changed_by=cast.alice, review_below=50)
    set_member(project=cast.project, user=make_user("vera"), role=Role.REVIEWER)
    for _ in range(2):
        for user, ranks, ratings in ((cast.bob, (1, 2, 3), ANSWERED[0]), (cast.dora, (3, 2, 1), ANSWERED[1])):
            assignment = claim(cast.project, user)
            places = list(assignment.item.entries.order_by("position").values_list("completion", flat=True))
            verdict = a_verdict(
                assignment,
                ranks=[ranks[places.index(pk)] for pk in assignment.order],
                ratings=[ratings[places.index(pk)] for pk in assignment.order],
                notes=f"So says {user}.",
            )
            submit_label(assignment_id=assignment.pk, annotator=user, verdict=verdict, client_id=uuid4())
    refresh(cast.project)
    return list(Review.objects.order_by("pk"))


def unfit(page: Page) -> list[str]:
    """What axe finds, and whether the page is wider than a phone."""
    page.wait_for_timeout(300)  # colours fade for a moment
    found = violations(page)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    found += violations(page, rules=RULES_OF_COLOUR)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 390, "height": 844})
    width = int(page.evaluate("document.documentElement.scrollWidth"))
    page.set_viewport_size({"width": 1440, "height": 900})
    return [*found, *([f"{width} wide"] if width > 390 else [])]


def test_a_reviewer_decides_by_keys_and_by_hand_and_goes_on(reviews: list[Review], visitors: Visitors):
    first, second = reviews
    page = visitors.page("vera", f"/p/colours/review/{first.pk}/")

    expect(page.locator("[data-letter=A] .said")).to_contain_text("place 1")
    found = unfit(page)
    press(page, "5 3 6")
    press(page, "2 2")
    found += unfit(page)
    drag(page, "C", page.locator("[data-slot='1']"))
    page.keyboard.press("?")
    expect(page.get_by_text("go back a step, and from the first step to all reviews")).to_be_visible()
    press(page, "Escape n")
    page.keyboard.type("Decided.")
    page.keyboard.press("Control+Enter")
    expect(page).to_have_url(re.compile(f"/review/{second.pk}/$"))
    expect(page.get_by_text("1 item waits for a decision")).to_be_visible()

    decision = Label.objects.get(source=Source.REVIEW)
    ids = list(first.item.entries.order_by("position").values_list("completion", flat=True))
    assert [decision.ranks.get(completion=pk).rank for pk in ids] == [2, 2, 1]
    assert [decision.ratings.get(completion=pk).value for pk in ids] == [5, 3, 6]
    assert decision.notes == "Decided."
    press(page, "4 s")
    expect(page.get_by_role("heading", name="Leave it as it was judged?")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The item stays as it was judged.")).to_be_visible()
    expect(page).to_have_url(re.compile("/review/$"))
    assert Review.objects.get(pk=second.pk).state == "dismissed"
    assert found == []


def test_what_was_begun_is_kept_in_the_browser_and_u_leads_to_the_list(reviews: list[Review], visitors: Visitors):
    page = visitors.page("vera", f"/p/colours/review/{reviews[0].pk}/")
    press(page, "5 3")

    press(page, "u u u")
    expect(page).to_have_url(re.compile("/review/$"))
    page.goto(f"/p/colours/review/{reviews[0].pk}/")

    expect(page.get_by_text("Your unsaved work was restored from this browser.")).to_be_visible()
    expect(page.locator("[data-letter=C]")).to_be_focused()
