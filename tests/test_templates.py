"""What the strict content security policy and the translations ask of every template."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.template.loader import get_template

TEMPLATES = Path(__file__).parents[1] / "templates"
NAMES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))


@pytest.mark.parametrize("name", NAMES)
def test_every_template_can_be_read(name):
    get_template(name)  # raises where a tag is wrong or a file is missing


@pytest.mark.parametrize("name", NAMES)
def test_no_template_has_code_or_styles_in_it(name):
    html = (TEMPLATES / name).read_text()

    assert not re.search(r"\sstyle\s*=", html)
    assert "<style" not in html
    assert not re.search(r"\son[a-z]+\s*=", html)
    assert "hx-on" not in html
    assert "hx-vals='js:" not in html
    assert "javascript:" not in html
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", html))
    assert "|safe" not in html
    assert "{% autoescape off" not in html


@pytest.mark.parametrize("name", NAMES)
def test_every_visible_text_can_be_translated(name):
    html = (TEMPLATES / name).read_text()
    html = re.sub(r"{% block main_class %}[^{]*{% endblock %}", "", html)
    html = re.sub(r"{% blocktranslate.*?{% endblocktranslate %}", "", html, flags=re.DOTALL)
    html = re.sub(r"{% comment %}.*?{% endcomment %}", "", html, flags=re.DOTALL)
    html = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}|<!--.*?-->", "", html, flags=re.DOTALL)
    # Keys and the names of programs are the same in every language.
    html = re.sub(r"<kbd>[^<]*</kbd>|<code[^>]*>[^<]*</code>|<title>[^<]*</title>|&[a-z]+;", "", html)
    texts = re.findall(r">([^<>]+)<", html)

    words = [text.strip() for text in texts if re.search(r"[A-Za-z]{3,}", text.replace("Prefloop", ""))]
    assert words == []
