"""Marks that stand in a rendered template for what is put in later (labeling/views/moulds.py)."""

from __future__ import annotations

import secrets

from django.utils.safestring import SafeString


class Place(SafeString):
    """A mark for a value, by its name. It is text that templates print as it is, and filters know it."""

    # Neither escaped nor in a template, nor to be foreseen by who writes a flag.
    MARK = f"\ue0d2{secrets.token_hex(4)}\ue0d2"

    name: str

    def __new__(cls, name: str) -> Place:
        """The mark."""
        place = super().__new__(cls, f"{cls.MARK}{name}{cls.MARK}")
        place.name = name
        return place

    def through(self, filtered: str) -> Place:
        """The mark for what a filter makes of the value."""
        return Place(f"{self.name}_{filtered}")
