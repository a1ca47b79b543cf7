"""A second factor from beginning to end, by the keyboard alone."""

from __future__ import annotations

import time

import pyotp
import pytest
from e2e.conftest import Visitors
from e2e.judging import violations
from factories import PASSWORD, Cast
from playwright.sync_api import Page, expect

from labeling.models import SecondFactor
from labeling.services.second_factor import secret_of

pytestmark = pytest.mark.browser


def shown(*, later: int) -> str:
    """What bob's phone shows so many steps of 30 seconds from now."""
    return pyotp.TOTP(secret_of(SecondFactor.objects.get(user__username="bob"))).at(int(time.time()) + 30 * later)


def write(page: Page, label: str, text: str) -> None:
    page.get_by_label(label).focus()
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def test_a_second_factor_is_turned_on_and_asked_for_at_the_next_login(idle_cast: Cast, visitors: Visitors):
    page = visitors.page("bob", "/settings/second-factor/")

    write(page, "Your password", PASSWORD)
    expect(page.get_by_role("img", name="Picture for the app")).to_be_visible()
    drawn = page.locator(".qr-code svg").bounding_box()
    found = violations(page)
    write(page, "Code", shown(later=-1))
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    found += violations(page)
    elsewhere = visitors.page("", "/login/?next=/p/colours/")
    elsewhere.get_by_label("Username").fill("bob")
    write(elsewhere, "Password", PASSWORD)
    expect(elsewhere.get_by_role("heading", name="One more step")).to_be_visible()
    expect(elsewhere.get_by_label("Code")).to_be_focused()
    found += violations(elsewhere)
    write(elsewhere, "Code", shown(later=0))
    expect(elsewhere).to_have_url(f"{visitors.url}/p/colours/")

    assert found == []
    assert drawn is not None
    assert drawn["width"] == drawn["height"] > 200  # large enough for a camera, and whole
