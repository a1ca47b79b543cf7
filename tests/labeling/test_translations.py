"""German is whole, its compiled form is that of its source, and nothing that people see goes around gettext."""

from __future__ import annotations

import ast
import datetime as dt
import re
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.template import Context, Template
from django.test import Client
from django.utils import translation
from django.utils.translation import ngettext
from factories import make_cast

from labeling.services.preferences import set_preferences
from labeling.translations import all_texts, catalogue, texts_of_code, texts_of_template

ROOT = Path(settings.BASE_DIR)
PLACES = re.compile(r"%\(\w+\)[a-z]|\{[^}]*\}|%%|<[^>]+>")
LANGUAGES = [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
REFUSALS = {"Invalid", "Conflict", "NotFound", "NotAllowed"}


@pytest.fixture(autouse=True)
def in_english():
    """What a request activates ends with the test."""
    with translation.override("en"):
        yield


@pytest.fixture
def cast(db, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return make_cast(num_items=1)


def signed_in(person):
    client = Client()
    client.force_login(person)
    return client


def entries(language):
    return {entry.msgid: entry for entry in polib.pofile(str(catalogue(language)))}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_no_text_is_left_that_nothing_shows(language):
    texts, known = all_texts(), entries(language)

    assert len(texts) > 500
    assert sorted(set(texts) - set(known)) == []
    assert sorted(set(known) - set(texts)) == []
    assert [text for text, entry in known.items() if not entry.translated() or entry.fuzzy] == []
    assert {text: entry.msgid_plural for text, entry in known.items()} == {
        text: found.plural for text, found in texts.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_translation_has_the_places_of_its_text(language):
    wrong = []
    for text, entry in entries(language).items():
        many = entry.msgstr_plural.get(1)
        wrong += [
            (english, said)
            for english, said in ((text, entry.msgstr or entry.msgstr_plural[0]), (entry.msgid_plural, many or ""))
            if sorted(PLACES.findall(english)) != sorted(PLACES.findall(said))
        ]

    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_the_source(language):
    path = catalogue(language)
    compiled = {
        entry.msgid: (entry.msgstr, entry.msgstr_plural) for entry in polib.mofile(str(path.with_suffix(".mo")))
    }

    assert compiled == {text: (entry.msgstr, entry.msgstr_plural) for text, entry in entries(language).items()}


def test_texts_are_found_in_code_and_in_templates():
    code = 'x = _("One.")\ny = ngettext("%(n)d dog", "%(n)d dogs", n)\nz = other("No.")\n'
    template = (
        "{% load i18n %}{% translate 'Two.' %}{% if a %}{% blocktranslate with b=c %}Hi {{ b }}{% endblocktranslate %}"
        "{% endif %}{% blocktranslate count n=n %}{{ n }} cat{% plural %}{{ n }} cats{% endblocktranslate %}"
    )

    assert [(text.text, text.plural) for text in texts_of_code(code)] == [("One.", ""), ("%(n)d dog", "%(n)d dogs")]
    assert [(text.text, text.plural) for text in texts_of_template(template)] == [
        ("Two.", ""), ("Hi %(b)s", ""), ("%(n)s cat", "%(n)s cats"),
    ]  # fmt: skip


def test_a_text_with_a_per_cent_sign_is_found_in_the_catalogue():
    known = [text for text in all_texts() if "%%" in text and "%(" not in text]
    shown = Template("{% load i18n %}{% translate text %}")

    assert known
    with translation.override("de"):
        for text in known:
            english = text.replace("%%", "%")
            assert shown.render(Context({"text": english})) != english
    assert [text.text for text in texts_of_template("{% load i18n %}{% translate '95 % of it' %}")] == ["95 %% of it"]


def test_every_refusal_goes_through_gettext():
    plain = []
    for path in [*(ROOT / "labeling").rglob("*.py"), *(ROOT / "alignment").rglob("*.py")]:
        if {"core", "simulation", "management", "migrations"} & set(path.relative_to(ROOT).parts):
            continue
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
            if name in REFUSALS and call.args and isinstance(call.args[0], ast.JoinedStr | ast.Constant):
                plain.append(f"{path.relative_to(ROOT)}:{call.lineno}")

    assert plain == []


def test_the_scripts_show_nothing_that_is_written_in_them():
    """Words come from the page: a text of two words or more in a script is said nowhere else than to developers."""
    found = []
    for path in sorted((ROOT / "static" / "js").rglob("*.js")):
        source = re.sub(r"//[^\n]*|/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        literals = re.findall(r'(?:textContent|innerText|title|ariaLabel|placeholder)\s*=\s*["`]([^"`]*)["`]', source)
        literals += re.findall(r'(?:toast|notice|alert|confirm|say)\(\s*["`]([^"`]*)["`]', source)
        texts = [re.sub(r"\$\{[^}]*\}", "", literal) for literal in literals]
        found += [(path.name, text) for text in texts if re.search(r"[A-Za-z]{3,}", text)]

    assert found == []


@pytest.mark.parametrize(
    ("asked", "lang", "said"),
    [
        ("de-DE,de;q=0.9,en;q=0.5", "de", "Anmelden"),
        ("en-US", "en", "Sign in"),
        ("fr,de;q=0.8", "de", "Anmelden"),
        ("fr", "en", "Sign in"),
        ("", "en", "Sign in"),
    ],
)
def test_the_browsers_language_is_followed(db, asked, lang, said):
    page = Client(headers={"Accept-Language": asked}).get("/login/")

    html = page.content.decode()
    assert f'<html lang="{lang}" dir="ltr">' in html
    assert said in html
    assert page["Content-Language"] == lang


def test_a_persons_own_language_comes_before_the_browsers(cast):
    set_preferences(user=cast.bob, language="de", opted_out=[], break_minutes=50)
    set_preferences(user=cast.dora, language="en", opted_out=[], break_minutes=50)

    pages = {
        person.username: signed_in(person).get("/", headers={"Accept-Language": asked}).content.decode()
        for person, asked in ((cast.bob, "en"), (cast.dora, "de"), (cast.alice, "de"))
    }

    assert "Meine Projekte" in pages["bob"]
    assert "My projects" in pages["dora"]
    assert "Meine Projekte" in pages["alice"]


def test_choosing_a_language_is_answered_in_it(cast):
    client = signed_in(cast.bob)

    page = client.post("/settings/", {"language": "de", "reminds": "on", "break_minutes": "50"}, follow=True)

    assert "Deine Einstellungen sind gespeichert." in page.content.decode()


def test_a_refusal_is_said_in_the_language_of_the_request(cast):
    answer = signed_in(cast.bob).post(
        "/p/nowhere/judge/1/skip/", headers={"Accept-Language": "de", "Accept": "application/json"}
    )

    assert answer.json() == {
        "detail": "es gibt kein Projekt 'nowhere', oder du gehörst nicht dazu",
        "code": "not_found",
    }


def test_plurals_dates_and_numbers_are_german():
    with translation.override("de"):
        counts = [ngettext("%(count)d prompt added.", "%(count)d prompts added.", n) % {"count": n} for n in (0, 1, 2)]
        shown = Template('{{ when|date:"SHORT_DATETIME_FORMAT" }} {{ share|floatformat:1 }}').render(
            Context({"when": dt.datetime(2026, 11, 2, 15, 4), "share": 0.25})
        )

    assert counts == ["0 Prompts hinzugefügt.", "1 Prompt hinzugefügt.", "2 Prompts hinzugefügt."]
    assert shown == "02.11.2026 15:04 0,3"


def test_english_dates_can_not_be_taken_for_others():
    with translation.override("en"):
        shown = Template('{{ when|date:"SHORT_DATETIME_FORMAT" }}').render(
            Context({"when": dt.datetime(2026, 11, 2, 15, 4)})
        )

    assert shown == "2026-11-02 15:04"
