from __future__ import annotations

import re

import pytest

from labeling.rendering.formulas import Formulas


def mathml(source):
    formulas = Formulas(source)
    assert len(formulas.sources) == 1, source
    return formulas.mathml(0)


@pytest.mark.parametrize("source", ["$x^2$", r"\(x^2\)"])
def test_a_formula_in_the_line_is_mathml(source):
    expected = '<math display="inline"><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow></math>'

    assert mathml(source) == expected


@pytest.mark.parametrize(
    "source", ["$$\\frac{1}{2}$$", "\\[\\frac{1}{2}\\]", "\\[\n\\frac{1}{2}\n\\]", "$$\n\\frac12\n$$"]
)
def test_a_formula_of_its_own_is_a_block(source):
    assert mathml(source).startswith('<span class="scroll"><math display="block"><mrow><mfrac>')


SPACE = '<mspace width="0.1667em"></mspace>'


@pytest.mark.parametrize(
    ("source", "inside"),
    [
        (r"$n \log n$", f"<mi>n</mi>{SPACE}<mi>log</mi>{SPACE}<mi>n</mi>"),
        (r"$\log_2 n$", f"<msub><mi>log</mi><mn>2</mn></msub>{SPACE}<mi>n</mi>"),
        (r"$-\sin(x)$", '<mo>−</mo><mi>sin</mi><mo stretchy="false">(</mo><mi>x</mi><mo stretchy="false">)</mo>'),
        (r"$\alpha x$", "<mi>α</mi><mi>x</mi>"),
    ],
)
def test_names_of_functions_stand_apart(source, inside):
    assert mathml(source) == f'<math display="inline"><mrow>{inside}</mrow></math>'


@pytest.mark.parametrize(
    "source", ["$n$", "$2x$", "$f(x)$", "$a < b$", r"$5 \text{ or } 6$", "$x$,", "($x$)", r"a $\$5$ b"]
)
def test_a_formula_between_dollars_is_found(source):
    assert len(Formulas(source).sources) == 1


@pytest.mark.parametrize(
    "text",
    [
        *("$5 and $10", "$5", "US$5 and NZ$6", "$5 or 10$ more", "from $5-$10", "$1,000 to $2,000.", "5$ and 6$"),
        *("$ x $", "$x $", "$$", "$$$$", r"\$x\$", "$a\nb$", "$`x`$", "$HOME/bin:$PATH", "costs $5/$6"),
        *(r"\\(x\\)", "\\(\n\n x\\)", "$$a\n\nb$$", r"\(", r"\[ \]"),
    ],
)
def test_prices_code_and_halves_are_left_alone(text):
    formulas = Formulas(text)

    assert (formulas.sources, formulas.text) == ([], text)


def test_what_markdown_reads_has_no_formula_and_what_it_gives_back_has_it_again():
    source = "a $x_1*y$ b `$z_2$`"
    formulas = Formulas(source)

    assert not re.search(r"[_*]", formulas.text.split("`")[0])
    assert formulas.restore(formulas.text) == source


@pytest.mark.parametrize(
    "source",
    [
        *(r"\(\frac\)", r"\({\)", r"\(x^\)", r"\(\left(\)", r"\(\begin{matrix}\)", r"\(a^b^c\)"),
        *(r"$\newcommand{\a}{\a\a}\a$", r"$\def\a{\a}\a$", "$x^{" + "y" * 1000 + "}$", "$" + "{" * 200 + "x$"),
    ],
)
def test_a_formula_that_cannot_be_read_is_shown_as_its_source(source):
    assert mathml(source) == f'<code class="formula">{source}</code>'


@pytest.mark.parametrize(
    "source",
    [
        r"\(\text{<img src=x onerror=alert(1)>}\)",
        r"\(\href{javascript:alert(1)}{x}\)",
        r"\(\style{position:fixed}{x}\)",
        r"\(\class{button}{x}\)",
        r"\(\id{main}{x}\)",
        r"\(\color{red;background:url(x)}{x}\)",
        r"\(\mathrm{</math><script>alert(1)</script>}\)",
        r"\(\text{&lt;script&gt;}\)",
        r"\(\unknown{<script>}\)",
        r"\(\includegraphics{https://x.org/a.png}\)",
    ],
)
def test_a_formula_makes_no_tag_and_no_attribute_but_those_of_mathml(source):
    written = mathml(source)

    tags = set(re.findall(r"</?([a-z]+)", written))
    attributes = set(re.findall(r'\s([a-z]+)="', written))
    assert tags <= {"math", "mrow", "mi", "mn", "mo", "mtext", "mstyle", "mspace", "code"}
    assert attributes <= {"display", "stretchy", "fence", "form", "width", "class", "mathvariant"}
    assert "javascript" not in written or written.startswith("<code")
    assert "<script" not in written


def test_formulas_beyond_the_time_are_shown_as_their_sources(monkeypatch):
    monkeypatch.setattr("labeling.rendering.formulas.MAX_SECONDS", 0.0)
    formulas = Formulas("$x$ $y$")

    assert formulas.mathml(0) == '<code class="formula">$x$</code>'


def test_a_text_with_the_characters_that_hold_places_has_no_formulas():
    text = "\ue0000\ue001 $x$"
    formulas = Formulas(text)

    assert (formulas.text, formulas.sources, formulas.restore(text)) == (text, [], text)


def test_a_place_that_an_entity_made_is_text():
    formulas = Formulas("$x$")

    assert list(formulas.parts("\ue0007\ue001")) == ["\ue0007\ue001"]
