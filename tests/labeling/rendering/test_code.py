from __future__ import annotations

import html
import re
import time

import pytest

from labeling.rendering.code import highlight
from labeling.rendering.languages import LANGUAGES


def kinds(code, language):
    """The tokens with a colour, as (kind, text)."""
    found = re.findall(r'<span class="is-(\w+)">(.*?)</span>', highlight(code, language=language), re.DOTALL)
    return [(kind, html.unescape(text)) for kind, text in found]


@pytest.mark.parametrize(
    ("language", "code", "expected"),
    [
        (
            "python",
            "def top(x):  # all\n    return 'a\\'b' + x * 0x1F",
            [
                ("keyword", "def"),
                ("name", "top"),
                ("comment", "# all"),
                ("keyword", "return"),
                ("string", "'a\\'b'"),
                ("number", "0x1F"),
            ],
        ),
        ("Python", '"""a\n"b" """ None', [("string", '"""a\n"b" """'), ("constant", "None")]),
        (
            "js",
            "const f = `x ${a}`; // y\n/* z */",
            [("keyword", "const"), ("string", "`x ${a}`"), ("comment", "// y"), ("comment", "/* z */")],
        ),
        ("c++", "Foo x = 1.5e-3;", [("type", "Foo"), ("number", "1.5e-3")]),
        ("rust", "fn f<'a>(x: &'a str)", [("keyword", "fn"), ("keyword", "str")]),
        ("sql", "SELECT a FROM b -- c", [("keyword", "SELECT"), ("keyword", "FROM"), ("comment", "-- c")]),
        (
            "html",
            '<a href="x">y</a><!-- z -->&amp;',
            [
                ("keyword", "<a"),
                ("name", "href"),
                ("string", '"x"'),
                ("keyword", ">"),
                ("keyword", "</a"),
                ("keyword", ">"),
                ("comment", "<!-- z -->"),
                ("constant", "&amp;"),
            ],
        ),
        ("json", '{"a": [1, true, "b"]}', [("name", '"a"'), ("number", "1"), ("constant", "true"), ("string", '"b"')]),
        ("yaml", "a-b: yes # c", [("name", "a-b"), ("constant", "yes"), ("comment", "# c")]),
        ("css", "a { color: red } /* b */", [("name", "color"), ("comment", "/* b */")]),
        ("bash", "echo $HOME # x", [("keyword", "echo"), ("type", "$HOME"), ("comment", "# x")]),
        ("tex", "\\frac a % b", [("type", "\\frac"), ("comment", "% b")]),
        ("diff", " a\n+b\n-c", [("added", "+b"), ("removed", "-c")]),
        ("dockerfile", "FROM a", [("keyword", "FROM")]),
    ],
)
def test_tokens_have_the_colour_of_their_kind(language, code, expected):
    assert kinds(code, language) == expected


@pytest.mark.parametrize("language", ["", "unknown", "<b>"])
def test_a_language_nobody_knows_is_shown_without_colours(language):
    assert highlight("<def> 'x'", language=language) == "&lt;def&gt; 'x'"


@pytest.mark.parametrize("language", sorted({*LANGUAGES, "diff"}))
def test_every_language_keeps_each_character_of_the_code(language):
    code = """<a b='c'> "d\\" e" 'f\n/* g\n # h // i -- j % k\n@l $m \\n {- o 1.2.3 0xZZ p: q(r) <!-- \"\"\" s &t; `u"""
    code += "\n+v\n-w é漢\u202e"

    assert html.unescape(re.sub("<[^>]*>", "", highlight(code, language=language))) == code


ATTACKS = [
    *("a", "0", " ", "\t", "\n", "(", "<", '"', "'", "`", "/", "\\", "*", "#", "-", "=", ".", ":", "$", "@", "&", "_"),
    *("<!--", "/*", "//", '"""', "'''", "<a ", "'\\", '\\"', '"\\', "{-", "--[[", "0.", "1e", "0x", "a.", "a-", "é"),
]


@pytest.mark.parametrize("language", ["python", "js", "rust", "html", "css", "json", "yaml", "php", "lua", "hs", "tex"])
def test_code_that_is_meant_to_take_long_does_not(language):
    slowest = 0.0
    for attack in ATTACKS:
        for start in ("", '"', "/*", "a"):
            code = (start + attack * 8_000)[:8_000]
            begun = time.thread_time()
            highlight(code, language=language)
            slowest = max(slowest, time.thread_time() - begun)

    assert slowest < 0.1  # 2 to 10 ms; what reads each character again for each other takes 0.3 s


def test_very_long_code_has_no_colours():
    assert highlight("def " * 5_001, language="python") == "def " * 5_001
