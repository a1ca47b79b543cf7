"""What is wrong with a row that can't be read, in words of our own: Python's are English whatever the reader speaks."""

from __future__ import annotations

import json

from django.utils.translation import gettext, gettext_lazy

SAID = {
    "Expecting value": gettext_lazy("a value is missing here"),
    "Expecting ',' delimiter": gettext_lazy("a comma or the closing bracket is missing here"),
    "Expecting ':' delimiter": gettext_lazy("a colon is missing here"),
    "Expecting property name enclosed in double quotes": gettext_lazy("a name in double quotes is missing here"),
    "Illegal trailing comma before end of": gettext_lazy("a comma before the closing bracket is one too many"),
    "Extra data": gettext_lazy("something follows after the end of the row"),
    "Invalid control character": gettext_lazy("a control character stands in a text: write it as \\n, \\t or \\u0000"),
    "Invalid \\escape": gettext_lazy("a backslash is followed by what it can't stand before: write it twice"),
    "Invalid \\uXXXX escape": gettext_lazy("\\u is not followed by four hexadecimal digits"),
    "Unterminated string": gettext_lazy("a text begins here and never ends"),
}
"""By how the message of the json module begins."""


def broken_json(error: json.JSONDecodeError) -> str:
    """Where the JSON of a row is broken, and how; a row is one line, so its column is a character."""
    said = next((words for begin, words in SAID.items() if error.msg.startswith(begin)), None)
    if said is None:
        return gettext("broken JSON at character {column}").format(column=error.pos + 1)
    return gettext("broken JSON at character {column}: {said}").format(column=error.pos + 1, said=said)
