"""Take prompts, with completions to be judged or without, into a project."""

from __future__ import annotations

from typing import Any

from labeling.imports.formats import Format
from labeling.management.importing import ImportCommand


class Command(ImportCommand):
    help = (
        'Import prompts: {"prompt": text or messages} or {"messages"}, with "completions" when they are to be judged.'
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Import the file."""
        self.take_in(Format.PROMPTS, options)
