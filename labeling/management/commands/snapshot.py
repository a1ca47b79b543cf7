"""Keep labels under a name: a snapshot that never changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from labeling.errors import DomainError
from labeling.exports.snapshots import take_snapshot
from labeling.management.importing import named_project
from labeling.management.selections import add_filters, selection_of


class Command(BaseCommand):
    help = "Take a snapshot of a project's labels. Export it with: export_preferences FILE --snapshot NAME"

    def add_arguments(self, parser: CommandParser) -> None:
        """Options."""
        parser.add_argument("name", metavar="NAME", help="lower-case letters, digits, dots, hyphens, underscores")
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--card", type=Path, metavar="FILE", help="write the dataset card there, too")
        parser.add_argument("--up-to", type=int, metavar="LABEL", help="what a run was trained on: its snapshot_last")
        add_filters(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Take it and say what it holds."""
        try:
            taken = take_snapshot(
                project=named_project(options["project"]),
                name=options["name"],
                selection=selection_of(options),
                up_to=options["up_to"],
            )
            if options["card"] is not None:
                options["card"].write_text(taken.card, encoding="utf-8")
        except DomainError as error:
            raise CommandError(error.message) from None
        except OSError as error:
            raise CommandError(f"the snapshot is taken, but {options['card']} can't be written: {error}") from None
        talks = (
            f", {taken.imported_conversations:,} conversations from elsewhere" if taken.imported_conversations else ""
        )
        self.stdout.write(f"{taken.name}: {taken.manifest['labels']:,} labels{talks}; sha256 {taken.digest}")
