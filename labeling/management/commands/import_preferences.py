"""Take judgements that were made elsewhere into a project."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from labeling.imports.formats import Format
from labeling.management.importing import ImportCommand


class Command(ImportCommand):
    help = "Import preferences: pairs in the format of hh-rlhf, TRL or OpenRLHF, or rankings with ties."

    def add_arguments(self, parser: CommandParser) -> None:
        """The format, and the options of all imports."""
        super().add_arguments(parser)
        formats = [str(name) for name in Format if name is not Format.PROMPTS]
        parser.add_argument("--format", required=True, choices=formats)

    def handle(self, *args: Any, **options: Any) -> None:
        """Import the file."""
        self.take_in(Format(options["format"]), options)
