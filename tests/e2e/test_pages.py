"""Every page in both themes and on a phone: accessible, and within the screen."""

from __future__ import annotations

import gzip

import pytest
from e2e.conftest import Visitors
from e2e.judging import RULES_OF_COLOUR, violations
from factories import Cast, judge
from playwright.sync_api import Response, expect

from alignment import services
from alignment.gating.records import begin, close, new
from alignment.models import Cause, Policy, PromotionState, Run
from labeling.models import SnapshotJob
from labeling.services.projects import update_project

pytestmark = pytest.mark.browser
PAGES = [
    ("", "/login/"),
    ("bob", "/"),
    ("charlie", "/"),
    ("bob", "/settings/"),
    ("bob", "/settings/tokens/"),
    ("alice", "/projects/new/"),
    ("bob", "/p/colours/"),
    ("alice", "/p/colours/"),
    ("rita", "/p/colours/"),
    ("bob", "/p/colours/queue/?state=submitted"),
    ("dora", "/p/colours/queue/"),
    ("bob", "/p/colours/judge/"),
    ("alice", "/p/colours/guidelines/"),
    ("alice", "/p/colours/flags/"),
    ("bob", "/p/colours/guidelines/1/"),
    ("alice", "/p/colours/prompts/"),
    ("alice", "/p/colours/imports/"),
    ("rita", "/p/colours/data/"),
    ("rita", "/p/colours/data/jobs/1/"),
    ("alice", "/p/colours/people/"),
    ("alice", "/p/colours/groups/"),
    ("alice", "/p/colours/invitations/"),
    ("alice", "/p/colours/audit/"),
    ("bob", "/settings/sessions/"),
    ("bob", "/settings/second-factor/"),
    ("bob", "/settings/erase/"),
    ("alice", "/p/colours/quality/"),
    ("bob", "/p/colours/quality/me/"),
    ("alice", "/p/colours/quality/agreement/"),
    ("alice", "/p/colours/known/"),
    ("alice", "/p/colours/review/"),
    ("dora", "/p/colours/qualification/"),
    ("bob", "/p/colours/people/"),
    ("charlie", "/p/colours/"),
    ("bob", "/nowhere/"),
    ("rita", "/p/colours/runs/"),
    ("alice", "/p/colours/loop/"),
    ("alice", "/p/colours/policies/"),
    ("alice", "/p/colours/gate/"),
    ("rita", "/p/colours/policies/samples/"),
    ("rita", "/p/colours/leaderboard/?basis=all"),
    ("alice", "/p/colours/watch/"),
    ("alice", "/p/colours/loop/asking/"),
]


@pytest.fixture
def used(cast: Cast) -> Cast:
    """A project in which something happened."""
    update_project(project=cast.project, guidelines="# Rules\n\nBe *kind*.\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    judge(cast.project, cast.bob)
    running = {"state": "running", "labels": 1_000_000, "labels_done": 250_000}
    SnapshotJob.objects.create(pk=1, project=cast.project, name="v1", requested_by=cast.rita, **running)
    services.create_run(project_id=cast.project.pk, seed=2**53, start=False)
    bring_two_to_the_gate(cast)
    return cast


def bring_two_to_the_gate(cast: Cast) -> None:
    """One that people are asked about, and one that a guard refused with samples that show why."""
    first = Policy.objects.get(project=cast.project.pk, version=1)
    long = {"name": "length", "passed": False, "value": 3.0, "limit": 1.5, "num": 9, "holds": False}
    sample = {"prompt": cast.items[0].prompt_id, "text": "Red. " * 90, "before": "Red."}
    for version, guards in ((2, [{**long, "samples": [sample]}]), (3, [{**long, "passed": True, "value": 1.1}])):
        made = Run.objects.create(project=cast.project, method="dpo", trigger="person", config={}, code_version="0")
        fields = {"run": made, "method": "dpo", "path": "p", "digest": f"{version:064x}", "parent": first}
        policy = Policy.objects.create(project=cast.project, version=version, **fields)
        promotion = new(candidate=policy, against=first, guards=guards)
        if version == 2:
            close(promotion, state=PromotionState.REJECTED, cause=Cause.GUARD)
        else:
            begin(promotion)


def pages_of(used: Cast) -> list[tuple[str, str]]:
    """All of them: those of a prompt and of a run are known only when these are made."""
    run = Run.objects.filter(project=used.project.pk).earliest("pk")
    return [
        *PAGES,
        ("alice", f"/p/colours/prompts/{used.items[0].prompt_id}/"),
        ("alice", f"/p/colours/runs/{run.pk}/"),
        ("rita", f"/p/colours/lineage/completions/{used.items[0].entries.first().completion_id}/"),
        ("rita", f"/p/colours/lineage/labels/{used.project.labels.first().pk}/"),
    ]


def test_axe_finds_nothing_on_any_page_in_either_theme_and_each_fits_a_phone(used: Cast, visitors: Visitors):
    found, widths, opened = {}, {}, {}
    for username, path in pages_of(used):
        if username not in opened:
            opened[username] = visitors.page(username, path)
        page = opened[username]
        for theme, rules in (("light", ()), ("dark", RULES_OF_COLOUR)):
            page.emulate_media(color_scheme=theme)
            page.goto(path)  # anew: a theme that changes under a page fades in
            found[username, path, theme] = violations(page, rules=rules)
        page.set_viewport_size({"width": 390, "height": 844})
        widths[username, path] = page.evaluate("document.documentElement.scrollWidth")
        page.set_viewport_size({"width": 1440, "height": 900})

    assert {key: lines for key, lines in found.items() if lines} == {}
    assert {key: width for key, width in widths.items() if width > 390} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_any_step_of_judging(used: Cast, visitors: Visitors, theme: str):
    page = visitors.page("bob", "/p/colours/judge/", color_scheme=theme)
    found = []
    for keys in ("h 5 4 3", "1 1", "3", "?", "Escape s", "Escape Enter"):
        for key in keys.split():
            page.keyboard.press(key)
        page.wait_for_timeout(300)  # colours fade for a moment
        found += [f"after {keys}: {line}" for line in violations(page)]
    expect(page.get_by_role("heading", name="All done for now")).to_be_visible()

    assert found == []


def test_the_chosen_theme_is_remembered(used: Cast, visitors: Visitors):
    page = visitors.page("bob", "/", color_scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)

    page.get_by_role("button", name="Switch between light and dark").click()
    page.goto("/p/colours/")

    assert page.evaluate(background) != light
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_generated_password_is_shown_once_and_works(used: Cast, visitors: Visitors):
    page = visitors.page("alice", "/p/colours/people/")
    page.get_by_label("User name").fill("erin")
    page.get_by_role("button", name="Add").click()
    password = page.locator("#password").text_content() or ""

    page.goto("/p/colours/people/")
    expect(page.locator("#password")).to_have_count(0)
    newcomer = visitors.page("", "/login/")
    newcomer.get_by_label("Username").fill("erin")
    newcomer.get_by_label("Password").fill(password)
    newcomer.keyboard.press("Enter")

    expect(newcomer.get_by_role("link", name="Colours")).to_be_visible()


def weight(response: Response) -> int:
    """Bytes on the wire: the server sends static files as it compressed them before, and pages as they are."""
    body = response.body()
    return len(gzip.compress(body)) if "/static/" in response.url else len(body)


def test_the_first_judging_page_weighs_less_than_120_kb_with_everything(used: Cast, visitors: Visitors):
    context = visitors.context("bob")
    page = context.new_page()
    sizes: dict[str, int] = {}
    page.on("response", lambda response: sizes.update({response.url: weight(response)}))

    page.goto("/p/colours/judge/")
    page.wait_for_load_state("networkidle")

    assert sum(sizes.values()) < 120_000, sizes
    assert any(url.endswith("/js/judge/rank.js") for url in sizes)
