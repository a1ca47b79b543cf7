"""Numbers in sentences, as the language of the reader writes them: 62 % and 0.5 in English, 0,5 in German."""

from __future__ import annotations

from typing import Any

from django.utils.formats import get_format


class Local(float):
    """A number that every format writes in the reader's language: ``f"{Local(0.5):.2f}"`` is ``0,50`` in German."""

    def __format__(self, spec: str) -> str:
        """As the format has it, with the separators of the language and a space before the per cent."""
        written = format(float(self), spec)
        if not any(digit in written for digit in "123456789"):
            written = written.lstrip("+-")  # nothing has no sign
        separators = {",": str(get_format("THOUSAND_SEPARATOR")), ".": str(get_format("DECIMAL_SEPARATOR"))}
        return "".join(separators.get(sign, sign) for sign in written).replace("%", "\N{NO-BREAK SPACE}%")


def fill(text: str, **values: Any) -> str:
    """The text with its places filled; fractions as the language of the reader writes them."""
    return text.format(**{name: Local(value) if isinstance(value, float) else value for name, value in values.items()})
