"""The texts that people see, found in the code and in the templates, and the catalogues that translate them.

A catalogue is labeling/locale/<language>/LC_MESSAGES/django.po; its compiled form lies beside it, so that a fresh clone
needs no tools. `manage.py translations` brings both up to date.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.template import Engine, TemplateSyntaxError
from django.template.base import Node
from django.templatetags.i18n import BlockTranslateNode, TranslateNode

ONE = {"_", "gettext", "gettext_lazy", "gettext_noop"}
MANY = {"ngettext", "ngettext_lazy"}
APPS = ("labeling", "alignment")
LEFT_OUT = ("migrations", "management", "core", "simulation")  # seen by programs, or by people at a shell


@dataclass(frozen=True, slots=True, order=True)
class Text:
    """A text in English, with its plural where it counts something, and the file that shows it."""

    text: str
    plural: str = ""
    place: str = ""


def texts_of_code(source: str, *, place: str = "") -> Iterator[Text]:
    """The literal arguments of gettext and its kin in a module."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        literals = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if name in ONE and literals:
            yield Text(literals[0], place=place)
        elif name in MANY and len(literals) >= 2:
            yield Text(literals[0], literals[1], place)


def texts_of_template(source: str, *, place: str = "") -> Iterator[Text]:
    """What translate and blocktranslate show in a template."""
    template = Engine.get_default().from_string(source)
    for node in _nodes(template.nodelist.get_nodes_by_type(Node)):
        if isinstance(node, TranslateNode) and isinstance(node.filter_expression.var, str):
            yield Text(_in_catalogue(node.filter_expression.var), place=place)
        elif isinstance(node, TranslateNode) and getattr(node.filter_expression.var, "literal", None):
            yield Text(_in_catalogue(str(node.filter_expression.var.literal)), place=place)
        elif isinstance(node, BlockTranslateNode):
            singular, _variables = node.render_token_list(node.singular)
            plural = node.render_token_list(node.plural)[0] if node.plural else ""
            yield Text(singular, plural, place)


def _in_catalogue(text: str) -> str:
    """What Django looks up for the text of a translate tag: of a per cent sign two, as where values are filled in."""
    return text.replace("%", "%%")


def _nodes(found: list[Node]) -> Iterator[Node]:
    seen: set[int] = set()
    for node in found:
        if id(node) not in seen:
            seen.add(id(node))
            yield node


def all_texts() -> dict[str, Text]:
    """Every text that is shown, by its English; the first place in the order of file names stands for all."""
    base = Path(settings.BASE_DIR)
    found: dict[str, Text] = {}
    for path in sorted(path for app in APPS for path in (base / app).rglob("*.py")):
        place = path.relative_to(base)
        if not set(place.parts) & set(LEFT_OUT):
            _keep(found, texts_of_code(path.read_text(), place=str(place)))
    for path in sorted((base / "templates").rglob("*.html")):
        place = path.relative_to(base)
        try:
            _keep(found, texts_of_template(path.read_text(), place=str(place)))
        except TemplateSyntaxError as error:
            raise ValueError(f"{place}: {error}") from None
    return found


def _keep(found: dict[str, Text], texts: Iterator[Text]) -> None:
    for text in texts:
        known = found.get(text.text)
        if known is not None and known.plural and text.plural and known.plural != text.plural:
            raise ValueError(f"{text.text!r} has two plurals: {known.plural!r} and {text.plural!r}")
        if known is None or (text.plural and not known.plural):
            found[text.text] = text


def catalogue(language: str) -> Path:
    """The file of a language."""
    return Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.po"


PLURALS = {"de": "nplurals=2; plural=(n != 1);"}


def update(path: Path, *, language: str, texts: Mapping[str, Text]) -> list[str]:
    """Bring a catalogue up to date with the texts, and compile it.

    Returns:
        What has no translation yet.
    """
    import polib  # a tool of developers

    old = {entry.msgid: entry for entry in polib.pofile(str(path))} if path.exists() else {}
    new = polib.POFile(wrapwidth=120)
    new.metadata = {
        "Project-Id-Version": "Prefloop",
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": PLURALS[language],
    }
    for text in sorted(texts.values(), key=lambda each: (each.place, each.text)):
        known = old.get(text.text)
        entry = polib.POEntry(msgid=text.text, occurrences=[(text.place, "")])
        if text.plural:
            entry.msgid_plural = text.plural
            entry.msgstr_plural = known.msgstr_plural if known and known.msgid_plural == text.plural else {0: "", 1: ""}
        else:
            entry.msgstr = known.msgstr if known else ""
        new.append(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    new.save(str(path))
    new.save_as_mofile(str(path.with_suffix(".mo")))
    return [entry.msgid for entry in new if not entry.translated()]
