"""A person judges ten items with nothing but a keyboard, while an admin's open page shows what the model learns."""

from __future__ import annotations

import re

import pytest
from acceptance.browsing import judge_by_keys, sign_in, start_judging
from acceptance.conftest import Desk
from acceptance.system import System, wait_until
from playwright.sync_api import expect

pytestmark = [pytest.mark.slow, pytest.mark.browser]

TWO_MINUTES = 120_000


def test_ten_judgements_are_followed_live_to_items_of_policy_version_2(system: System, desk: Desk):
    person, admin = desk.page(), desk.page()
    sign_in(admin, system.url, "admin")
    admin.goto(f"{system.url}/p/demo/runs/")
    expect(admin.get_by_text("No runs yet")).to_be_visible()

    sign_in(person, system.url, "annotator1")
    start_judging(person, "Demo")
    for done in range(1, 11):
        judge_by_keys(person, ratings="7531", ranks="1224", done=done)

    # Nobody reloads the admin's page: the websocket says that something happened.
    admin.get_by_role("link", name="Run 1", exact=True).click(timeout=TWO_MINUTES)
    expect(admin.locator("#charts canvas").first).to_be_visible(timeout=TWO_MINUTES)
    expect(admin.locator(".stage", has_text="Reward model")).to_have_class("stage is-done", timeout=TWO_MINUTES)
    expect(admin.locator("#run-state")).to_have_attribute("data-state", "finished", timeout=TWO_MINUTES)
    admin.goto(f"{system.url}/p/demo/runs/")  # the refresh of the reward model is followed by a policy run
    admin.get_by_role("link", name="Run 2", exact=True).click(timeout=TWO_MINUTES)
    expect(admin.locator("#run-state")).to_have_attribute("data-state", "finished", timeout=TWO_MINUTES)
    admin.goto(f"{system.url}/p/demo/policies/")
    second = admin.get_by_role("row", name=re.compile("^2 (serving|candidate)"))
    expect(second).to_be_visible()
    if "candidate" in second.inner_text():  # keys pressed without reading can make it worse, and then the gate holds it
        admin.once("dialog", lambda dialog: dialog.accept())
        second.get_by_role("button", name="Promote").click()
        expect(admin.get_by_role("row", name=re.compile("^2 serving"))).to_be_visible()
    waiting = (
        "SELECT 1 FROM labeling_item i JOIN labeling_slot s ON s.item_id = i.id "
        "WHERE i.policy_version = 2 AND NOT s.is_done"
    )
    wait_until(lambda: system.query(waiting), seconds=10, what="open item of version 2")
    # What version 2 wrote is served before the rest of the first items.
    judge_by_keys(person, ratings="7531", ranks="1224", done=11)
    held = system.query(
        "SELECT i.policy_version FROM labeling_assignment a JOIN labeling_item i ON i.id = a.item_id "
        "WHERE a.state = 'active'"
    )
    assert held == [(2,)]
