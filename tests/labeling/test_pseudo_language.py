"""A language in which every text stands in brackets: what is outside of them on a page cannot be translated."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import translation
from factories import a_verdict, claim, judge, make_cast

from alignment import services as loop_services
from alignment.models import Run
from labeling.rendering.cache import BoundedCache
from labeling.services.guidelines import write_guidelines
from labeling.services.labels import submit_label
from labeling.services.topics import set_topics
from labeling.templatetags import stamps
from labeling.views import moulds

SHOWN = ("aria-label", "title", "placeholder", "alt")
NOT_SHOWN = {"script", "style", "svg"}
# What people and projects are called, names of formats and codes that stand for themselves.
NAMES = re.compile(
    r"\b(Prefloop|Colours|alice|bob|dora|rita|system|import|UTC|TRL|JSON|CSV|Parquet|Lines|OpenRLHF|hh-rlhf|DPO|IPO|KTO"
    r"|SimPO|ORPO|PPO|REINFORCE|RLOO|GRPO|SLiC|Nash-MD|English|Deutsch|KL|Name a colour, number \d|Red|Blue|Green|nats"
    r"|policy|Enter|Ctrl|Shift|Esc|Tab|Gwet|AC1|kappa|alpha)\b"
)


class Texts(HTMLParser):
    """Collects what a person sees or hears of a page, but for what others wrote (dir=auto) and code."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.open: list[tuple[str, bool]] = []

    @property
    def is_hidden(self) -> bool:
        return any(hidden for _tag, hidden in self.open)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.found += [values[name] for name in SHOWN if values.get(name)]
        self.found += [
            value for name, value in attrs if name.startswith("data-") and value and " " in value and "⟦" in value
        ]
        if tag not in {"meta", "link", "input", "br", "hr", "img", "path", "circle"}:
            is_others = (
                values.get("dir") == "auto"
                or values.get("translate") == "no"
                or tag in {*NOT_SHOWN, "code", "kbd", "textarea"}
            )
            self.open.append((tag, is_others))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if not self.is_hidden:
            self.found.append(data)


def untranslated(html: str) -> list[str]:
    """What is left of a page's texts outside of the brackets."""
    texts = Texts()
    texts.feed(html)
    left = []
    for text in texts.found:
        outside = unescape(text)
        while "⟦" in outside and outside != (shorter := re.sub(r"⟦[^⟦⟧]*⟧", "", outside)):
            outside = shorter
        if re.search(r"[A-Za-z]{2,}", NAMES.sub("", outside)):
            left.append(outside.strip())
    return left


@pytest.fixture
def brackets(monkeypatch):
    """Every text that goes through gettext, in brackets."""
    translation.gettext("load")  # so that what is patched is there
    functions = vars(translation)["_trans"]
    monkeypatch.setattr(functions, "gettext", lambda text: f"⟦{text}⟧")
    monkeypatch.setattr(functions, "ngettext", lambda one, many, count: f"⟦{one if count == 1 else many}⟧")
    monkeypatch.setattr(functions, "pgettext", lambda context, text: f"⟦{text}⟧")
    monkeypatch.setattr(functions, "npgettext", lambda context, one, many, count: f"⟦{one}⟧")
    stamps._pieces.cache_clear()  # pieces of pages that were rendered in English before
    monkeypatch.setattr(moulds, "_moulds", BoundedCache(limit=1_000_000, size=len))
    yield
    stamps._pieces.cache_clear()


@pytest.fixture
def used(db, settings):
    """A project in which something of everything happened."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cast = make_cast(num_items=4)
    for number in (1, 2):
        write_guidelines(project=cast.project, author=cast.alice, text=f"Version {number}.")
    judge(cast.project, cast.bob)
    assignment = claim(cast.project, cast.dora)
    flagged = a_verdict(assignment, flags={assignment.order[0]: ["opinion"]})
    submit_label(assignment_id=assignment.pk, annotator=cast.dora, verdict=flagged, client_id=uuid4())
    set_topics(prompt=cast.items[3].prompt, topics=["hate"])
    loop_services.create_run(project_id=cast.project.pk, seed=5, start=False)
    return cast


def pages(cast):
    run = Run.objects.get(project=cast.project.pk)
    label = cast.bob.labels.get()
    base = "/p/colours/"
    return [
        ("", "/login/"),
        ("bob", "/"),
        ("charlie", "/nowhere/"),
        ("bob", "/settings/"),
        ("bob", base),
        ("alice", base),
        ("bob", f"{base}judge/"),
        ("bob", f"{base}judge/{label.assignment_id}/"),
        ("bob", f"{base}judge/last/"),
        ("bob", f"{base}queue/"),
        ("bob", f"{base}queue/?state=submitted"),
        ("bob", f"{base}queue/?state=skipped"),
        ("bob", f"{base}people/"),
        ("alice", f"{base}people/"),
        ("alice", f"{base}prompts/"),
        ("alice", f"{base}prompts/?search=nothing"),
        ("alice", f"{base}prompts/{cast.items[0].prompt_id}/"),
        ("alice", f"{base}flags/"),
        ("alice", f"{base}guidelines/"),
        ("bob", f"{base}guidelines/panel/"),
        ("bob", f"{base}guidelines/2/"),
        ("alice", f"{base}quality/"),
        ("rita", f"{base}runs/"),
        ("rita", f"{base}runs/{run.pk}/"),
        ("alice", f"{base}policies/"),
        ("alice", f"{base}policies/samples/"),
        ("alice", f"{base}loop/"),
    ]


def test_nothing_on_any_page_is_left_in_english(used, brackets):
    found = {}
    for username, path in pages(used):
        client = Client()
        if username:
            client.force_login(getattr(used, username))
        page = client.get(path)
        found[username, path] = [page.status_code] * (page.status_code not in (200, 403, 404)) + untranslated(
            page.content.decode()
        )

    assert {key: texts for key, texts in found.items() if texts} == {}


def test_a_text_outside_of_the_brackets_is_found():
    html = "<p>⟦one ⟦two⟧⟧ three</p><p dir='auto'>written by people</p><button aria-label='Close'>⟦x⟧</button>"

    assert untranslated(html) == ["three", "Close"]
