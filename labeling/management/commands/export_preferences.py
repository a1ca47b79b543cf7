"""Write a project's judgements into a file, with a manifest beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from labeling.errors import DomainError
from labeling.exports.files import write_file
from labeling.exports.streams import FileFormat, make_export
from labeling.exports.views import VIEWS
from labeling.management.importing import named_project
from labeling.selectors.selection import Selection


class Command(BaseCommand):
    help = "Export judgements as FILE and FILE.manifest.json; both are written whole or not at all."

    def add_arguments(self, parser: CommandParser) -> None:
        """Options."""
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--format", choices=list(FileFormat), help="default: by the file's name, else jsonl")
        parser.add_argument("--view", choices=list(VIEWS), default="comparisons", help="what a row is (comparisons)")
        parser.add_argument("--held-out", choices=["only", "without"], help="only held-out prompts, or only the others")
        parser.add_argument("--up-to", type=int, metavar="LABEL", help="the last label to take, as in a manifest")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write and say what was written."""
        path: Path = options["file"]
        suffix = path.suffix.removeprefix(".")
        try:
            export = make_export(
                project=named_project(options["project"]),
                view=options["view"],
                file_format=options["format"] or (suffix if suffix in list(FileFormat) else FileFormat.JSONL),
                selection=Selection(held_out=None if options["held_out"] is None else options["held_out"] == "only"),
                up_to=options["up_to"],
            )
            manifest = write_file(export, path)
        except DomainError as error:
            raise CommandError(error.message) from None
        except OSError as error:
            raise CommandError(f"{path} can't be written: {error.strerror}") from None
        counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in manifest["counts"].items())
        self.stdout.write(f"{path}: {counts}; sha256 {manifest['sha256']}")
