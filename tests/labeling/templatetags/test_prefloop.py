from __future__ import annotations

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import translation

from labeling.templatetags.prefloop import duration, grouped, letter


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (59.9, "0:59"), (61, "1:01"), (3600, "1:00:00"), (36_125, "10:02:05")]
)
def test_durations_are_minutes_and_seconds_or_with_hours(seconds, shown):
    assert duration(seconds) == shown


@pytest.mark.parametrize(("language", "shown"), [("en", "1,234,567"), ("de", "1.234.567")])
def test_large_numbers_are_grouped_as_the_language_does(language, shown):
    with translation.override(language):
        assert grouped(1_234_567) == shown


def test_completions_have_letters():
    assert [letter(index) for index in range(9)] == list("ABCDEFGHI")


def render(source, **context):
    return Template("{% load prefloop %}" + source).render(Context(context))


def test_guidelines_are_rendered_in_templates():
    assert render("{{ text|markdown }}", text="# a\n\n*b* <b>") == (
        '<div class="text rendered" dir="auto"><h3 dir="auto">a</h3><p dir="auto"><em>b</em> &lt;b&gt;</p></div>'
    )


def test_a_text_is_shown_in_both_views():
    assert render("{{ text|shown }}", text="*b* <b>") == (
        '<div class="text rendered" dir="auto"><p dir="auto"><em>b</em> &lt;b&gt;</p></div>'
        '<div class="text plain is-raw" dir="auto" data-text>*b* &lt;b&gt;</div>'
    )


def test_a_text_that_cannot_be_rendered_is_shown_with_the_reason():
    html = render("{{ text|shown }}", text="> " * 40 + "<b>")

    assert html.startswith('<p class="text-limit muted">Too long or too deeply nested')
    assert html.endswith("&gt; &lt;b&gt;</div>")


def test_a_line_of_a_text_is_escaped():
    assert render("{{ text|line_of:20 }}", text="# a\n\n`<b>` and *so* on and on") == "a &lt;b&gt; and so on and…"


@pytest.mark.parametrize(
    ("path", "exact", "is_open"),
    [("/p/a/", "True", True), ("/p/a/runs/", "True", False), ("/p/a/runs/", "False", True), ("/p/b/", "False", False)],
)
def test_a_link_knows_whether_its_page_is_open(path, exact, is_open):
    template = Template(f"{{% load prefloop %}}{{% is_open '/p/a/' exact={exact} as here %}}{{{{ here }}}}")

    assert template.render(Context({"request": RequestFactory().get(path)})) == str(is_open)


def test_kinds_and_rules_are_told_in_words_and_what_is_unknown_as_it_stands():
    template = Template("{% load prefloop %}{{ kind|kind_label }}, {{ rule|rule_label }}, {{ other|rule_label }}")

    shown = template.render(Context({"kind": "ranking", "rule": "dts", "other": "old"}))

    assert shown == "rate each completion, then rank all, double Thompson sampling, old"


def test_a_share_is_told_in_per_cent_as_the_language_writes_it():
    template = Template("{% load prefloop %}{{ share|percent }} {{ share|percent:1 }}")

    with translation.override("de"):
        assert template.render(Context({"share": 0.583})) == "58 58,3"
