from __future__ import annotations

import pytest
from django.template import Context, Template
from django.test import RequestFactory

from labeling.templatetags.prefloop import duration, letter


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (59.9, "0:59"), (61, "1:01"), (3600, "1:00:00"), (36_125, "10:02:05")]
)
def test_durations_are_minutes_and_seconds_or_with_hours(seconds, shown):
    assert duration(seconds) == shown


def test_completions_have_letters():
    assert [letter(index) for index in range(9)] == list("ABCDEFGHI")


def test_markdown_is_rendered_in_templates():
    assert Template("{% load prefloop %}{{ text|markdown }}").render(Context({"text": "*a* <b>"})) == (
        "<p><em>a</em> &lt;b&gt;</p>\n"
    )


@pytest.mark.parametrize(
    ("path", "exact", "is_open"),
    [("/p/a/", "True", True), ("/p/a/runs/", "True", False), ("/p/a/runs/", "False", True), ("/p/b/", "False", False)],
)
def test_a_link_knows_whether_its_page_is_open(path, exact, is_open):
    template = Template(f"{{% load prefloop %}}{{% is_open '/p/a/' exact={exact} as here %}}{{{{ here }}}}")

    assert template.render(Context({"request": RequestFactory().get(path)})) == str(is_open)
