"""Every text that tries to be more than text, in every place where texts of people and models are shown."""

from __future__ import annotations

from typing import Any

import pytest
from attacks import ATTACKS, LINKS, SCRIPTS, STRUCTURE, UNICODE
from e2e.conftest import Visitors
from e2e.judging import JUDGE, card, press, until
from factories import Cast, make_item
from playwright.sync_api import Page, expect

from alignment import bookkeeping, services
from alignment.models import Policy
from labeling.models import Label
from labeling.services.projects import update_project

pytestmark = pytest.mark.browser

LISTEN = """
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.blockedURI));
"""
# Whatever waits for the pointer or the focus gets it; a link is not followed.
PROVOKE = """() => {
  const FORBIDDEN = /^(on|hx-|style$|id$|name$|src|data-(?!mark|text))/;
  for (const element of document.querySelectorAll("main *")) {
    for (const type of ["mouseover", "pointerenter", "focus", "animationstart", "toggle", "load", "error"]) {
      element.dispatchEvent(new Event(type, { bubbles: false }));
    }
  }
  const inside = [...document.querySelectorAll(".text *")];
  const links = [...document.querySelectorAll(".text a[href]")];
  return {
    attacked: window.attacked ?? null,
    violations: window.violations,
    names: [...new Set(inside.map((element) => element.localName))],
    handlers: inside.flatMap((element) => element.getAttributeNames()).filter((name) => FORBIDDEN.test(name)),
    schemes: [...new Set(links.map((link) => link.protocol))],
    inward: links.filter((link) => link.host === location.host).map((link) => link.href),
    open: links.filter((link) => link.target !== "_blank" || !link.rel.includes("noreferrer")).length,
    twins: [...document.querySelectorAll("[id]")].map(({ id }) => id).filter((id, at, all) => all.indexOf(id) !== at),
    title: document.title,
  };
}"""
NOTES = "\n".join(text for text in ATTACKS if not set(text) & set("\r\x85\x0b\x0c\u2028\u2029"))
TEXT = {
    *("p", "br", "hr", "h3", "h4", "h5", "h6", "div", "span", "blockquote", "pre", "code", "em", "strong", "s", "ul"),
    *("ol", "li", "a", "table", "thead", "tbody", "tr", "th", "td"),
}
MATHEMATICS = {"math", "mrow", "mi", "mo", "mn", "mtext", "mstyle", "mspace", "msup", "msub"}


GROUPS = [SCRIPTS[:12], SCRIPTS[12:24], SCRIPTS[24:], LINKS[:14], LINKS[14:], STRUCTURE[:10], STRUCTURE[10:], UNICODE]
TEXTS = ["\n\n".join(group) for group in GROUPS]


@pytest.fixture
def attacked(idle_cast: Cast) -> Cast:
    """A project in which everything that people and models write was written by an attacker."""
    project = idle_cast.project
    own = [
        {"code": f"own_{number}", "label": text[:100], "key": "", "is_harmful": False}
        for number, text in enumerate(SCRIPTS[:3])
    ]
    update_project(
        project=project,
        changed_by=idle_cast.alice,
        guidelines="\n\n".join(["# Rules", *ATTACKS]),
        own_flags=own,
        flags=[*project.flags, *(flag["code"] for flag in own)],
    )
    turns = [{"role": "assistant" if number % 2 else "user", "content": text} for number, text in enumerate(ATTACKS)]
    prompt = [*turns[: len(turns) // 2 * 2], {"role": "user", "content": SCRIPTS[0]}]
    make_item(project, prompt=prompt, texts=TEXTS, kind="best", priority=1)
    make_item(project, prompt=ATTACKS[-1], texts=TEXTS[:3], kind="demonstration")
    return idle_cast


def store_samples(attacked: Cast, prompt: int) -> None:
    """A policy, which a project has from its first run on, wrote every attack."""
    services.create_run(project_id=attacked.project.pk, start=False)
    samples = [{"policy": Policy.objects.get(), "text": text, "ended": True, "logprob": -1.0} for text in TEXTS[:4]]
    bookkeeping.store_samples(project_id=attacked.project.pk, prompt_id=prompt, samples=samples)


def visit(page: Page, path: str) -> dict[str, Any]:
    """What an attack left on the page."""
    page.goto(path)
    return dict(page.evaluate(PROVOKE))


def check(found: dict[str, Any]) -> None:
    assert found["attacked"] is None
    assert found["violations"] == []
    assert set(found["names"]) <= TEXT | MATHEMATICS
    assert (found["handlers"], found["twins"], found["inward"], found["open"]) == ([], [], [], 0)
    assert set(found["schemes"]) <= {"https:", "http:", "mailto:"}
    assert found["title"].endswith("Prefloop")


def pages_of(visitors: Visitors, asked: list[str]) -> tuple[Page, Page]:
    """Pages of bob and alice that note every dialog, and every request that leaves the server."""
    opened = []
    for name in ("bob", "alice"):
        context = visitors.context(name)
        context.add_init_script(LISTEN)
        page = visitors.open(context, "/")
        page.on("dialog", lambda dialog: asked.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        opened.append(page)
    return opened[0], opened[1]


def test_no_attack_runs_loads_or_leads_anywhere(attacked: Cast, visitors: Visitors):
    asked: list[str] = []
    bob, alice = pages_of(visitors, asked)

    check(visit(bob, JUDGE))
    shown = [card(bob, letter).locator("[data-text]").text_content() for letter in "ABCDEFGH"]
    assert sorted(text or "" for text in shown) == sorted(TEXTS)
    for keys in ("b", "r", "Escape b g"):  # raw, the difference, the guidelines beside
        press(bob, keys)
        check(dict(bob.evaluate(PROVOKE)))
    expect(bob.locator("#guidelines .prose")).to_contain_text("Rules")

    press(bob, "g 3 n")
    bob.locator("#judgement textarea").fill(NOTES)
    press(bob, "Control+Enter")
    expect(bob.get_by_label("Write the completion")).to_be_visible()
    check(dict(bob.evaluate(PROVOKE)))
    press(bob, "Escape 2 Control+End")
    bob.keyboard.type("</textarea>")
    press(bob, "Control+Enter")
    expect(bob.get_by_role("heading", name="All done for now")).to_be_visible()

    picked, written = Label.objects.order_by("pk")
    assert (picked.notes, picked.best_id is not None) == (NOTES, True)
    assert written.demonstration is not None
    prompt = attacked.project.prompts.earliest("pk").pk
    store_samples(attacked, prompt)
    samples = f"policies/samples/?prompt={prompt}&version=1"
    for path in ("prompts/", f"prompts/{prompt}/", "guidelines/1/", "", "flags/", samples):
        check(visit(alice, f"/p/colours/{path}"))
    assert alice.locator(".sample-text").count() == 4
    check(visit(bob, "/p/colours/queue/?state=submitted"))
    assert {url for url in asked if not url.startswith(visitors.url)} == set()

    assert visitors.faults == []
    bob.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=https://example.org/x.png>')")
    until(bob, "window.violations.length === 1")  # an attack that got through would be seen
    visitors.faults.clear()
