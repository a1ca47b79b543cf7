"""Brings the catalogues up to date with the texts of code and templates, and compiles them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from labeling.translations import all_texts, catalogue, update


class Command(BaseCommand):
    """For developers, after a change of texts; needs the package polib."""

    help = "Add new texts to the catalogues, drop those that nothing shows any more, and compile."

    def handle(self, *args: Any, **options: Any) -> None:
        """Update and compile each language, and say what is still to be translated."""
        texts = all_texts()
        for language, _name in settings.LANGUAGES:
            if language != settings.LANGUAGE_CODE:
                left = update(catalogue(language), language=language, texts=texts)
                self.stdout.write(f"{language}: {len(texts)} texts, {len(left)} to be translated")
                for text in left:
                    self.stdout.write(f"  {text}")
