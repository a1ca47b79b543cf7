from __future__ import annotations

import contextlib
import time

import pytest

from labeling.rendering.gate import clean
from labeling.rendering.markdown import TooMuch, markdown_html, words_of


def rendered(text, top=4):
    return clean(markdown_html(text, top=top))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*a* **b** ~~c~~ `d`", '<p dir="auto"><em>a</em> <strong>b</strong> <s>c</s> <code>d</code></p>'),
        ("a\nb  \nc", '<p dir="auto">a<br>b<br>c</p>'),
        ("a\n\nb", '<p dir="auto">a</p><p dir="auto">b</p>'),
        ("- a\n- b", '<ul dir="auto"><li>a</li><li>b</li></ul>'),
        ("3. a\n\n   b", '<ol dir="auto" start="3"><li><p>a</p><p>b</p></li></ol>'),
        ("- [ ] a\n- [x] b", '<ul dir="auto"><li>☐ a</li><li>☑ b</li></ul>'),
        ("> a", '<blockquote dir="auto"><p>a</p></blockquote>'),
        ("---", "<hr>"),
        ("    a  b\n    c", '<pre class="code" dir="ltr"><code>a  b\nc</code></pre>'),
        ("```\n*a*\n```", '<pre class="code" dir="ltr"><code>*a*</code></pre>'),
        ("a<br/>b <u>c</u>", '<p dir="auto">a<br>b &lt;u&gt;c&lt;/u&gt;</p>'),
        ("<div>\n*a*\n</div>", '<p class="markup">&lt;div&gt;\n*a*\n&lt;/div&gt;</p>'),
        ("&amp; &copy; \\*", '<p dir="auto">&amp; © *</p>'),
        ("a $x$ `$y$`", '<p dir="auto">a <math display="inline"><mrow><mi>x</mi></mrow></math> <code>$y$</code></p>'),
    ],
)
def test_markdown_becomes_html(text, expected):
    assert rendered(text) == expected


def test_a_table_is_named_by_its_columns_and_scrolls_by_itself():
    html = rendered("| a *b* | c |\n|:-:|--:|\n| 1 | $|x|$ |")

    assert html.startswith('<div class="scroll" role="group" aria-label="a b, c" dir="auto"><table><thead>')
    assert '<th class="is-center">a <em>b</em></th><th class="is-right">c</th></tr></thead><tbody><tr>' in html
    assert html.endswith("</math></td></tr></tbody></table></div>")


def test_code_has_colours():
    html = rendered("```python title\ndef a(): pass\n```")

    assert '<span class="is-keyword">def</span> <span class="is-name">a</span>' in html


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("# a\n## b\n### c", "456"),
        ("### a\n# b\n###### c\n#### d\n# e", "44554"),
        ("# a\n## b\n### c\n#### d\n##### e", "45666"),
        ("a\n=\nb\n-", "45"),
    ],
)
def test_headings_leave_out_no_level_below_that_of_the_page(text, levels):
    html = rendered(text)

    assert "".join(tag[1] for tag in html.split("<h")[1:] for tag in [f"h{tag}"]) == levels


def test_headings_of_guidelines_begin_higher():
    assert rendered("# a\n\n## b", top=3) == '<h3 dir="auto">a</h3><h4 dir="auto">b</h4>'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[a](https://example.org)",
            '<a href="https://example.org" target="_blank" rel="noopener noreferrer nofollow">a</a>'
            ' <span class="address">https://example.org</span>',
        ),
        (
            "<https://example.org>",
            '<a href="https://example.org" target="_blank" rel="noopener noreferrer nofollow">https://example.org</a>',
        ),
        ("[a](/logout)", '<span class="unlinked">a</span> <span class="address">/logout</span>'),
        ("[a](javascript:x)", '<span class="unlinked">a</span> <span class="address">javascript:x</span>'),
        (
            "![a *b*](https://example.org/p.png)",
            '<span class="image">a <em>b</em> <span class="address">https://example.org/p.png</span></span>',
        ),
    ],
)
def test_links_show_where_they_lead_and_images_are_not_loaded(text, expected):
    assert rendered(text) == f'<p dir="auto">{expected}</p>'


def test_a_long_address_is_cut_where_it_is_shown_and_not_where_it_leads():
    address = "https://example.org/" + "a" * 400

    html = rendered(f"[x]({address})")

    assert f'href="{address}"' in html
    assert f">{address[:300]}…<" in html


@pytest.mark.parametrize(
    "text",
    [
        *("a *b* " * 8_400, "> " * 40 + "a", "- " * 60 + "a", "1. > - " * 12 + "a", "[](" * 20_000),
        "- " * 12_000 + "`\n" * 12_000,
    ],
)
def test_what_is_too_long_or_too_deep_is_not_rendered(text):
    with pytest.raises(TooMuch):
        markdown_html(text, top=4)


REPEATED = [
    *("[", "]", "(", "![", "*", "_", "~", "`", "<", "&", "\\", "$", "|", "#", ">", "*a **a ", "[a](", "[a]: b\n", "a*"),
    *("<a ", "<!--", "<?", "<![CDATA[", "\n- ", "> - ", "~~~\n", "a\n=\n", "[](<", "[a](b 't", "*_", "`a", "\n\t- "),
    *(
        "$a$ ",
        "\\(a",
        "\\[",
        "$$",
        "$\\frac{",
        "```js\n'\\",
        "\u202e",
        "&#x202e;",
        "[a](http://x.org)",
        "a\u0301",
        "<br>",
    ),
]


@pytest.mark.parametrize("before", ["", "- ", "[a](b 't", "> - "])
def test_text_that_is_meant_to_take_long_does_not(before):
    slowest = (0.0, "")
    for unit in REPEATED:
        text = (before * 30_000)[: 25_000 if before else 0] + (unit * 50_000)[:24_000]
        begun = time.thread_time()
        with contextlib.suppress(TooMuch):
            rendered(text)
        slowest = max(slowest, (time.thread_time() - begun, unit))

    assert slowest[0] < 0.6, slowest  # at most 0.2 s on the machine where the limits were chosen


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# A\n\n- b *c*\n- `d`", "A b c d"),
        ("[a](https://x.org) ![b](c)", "a b"),
        ("| a | b |\n|---|---|\n| $c$ | d |", "a b $c$ d"),
        ("a\nb", "a b"),
    ],
)
def test_words_are_what_is_left_without_markup(text, words):
    assert " ".join(words_of(text).split()) == words
