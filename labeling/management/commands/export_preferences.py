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
from labeling.management.selections import add_filters, selection_of
from labeling.selectors.snapshots import snapshot_named


class Command(BaseCommand):
    help = "Export judgements as FILE and FILE.manifest.json; both are written whole or not at all."
    requires_system_checks = ()  # they load all pages and the API: 40 MB that nothing here uses

    def add_arguments(self, parser: CommandParser) -> None:
        """Options."""
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--format", choices=list(FileFormat), help="default: by the file's name, else jsonl")
        parser.add_argument("--view", choices=list(VIEWS), default="comparisons", help="what a row is (comparisons)")
        parser.add_argument("--snapshot", metavar="NAME", help="the labels of a snapshot; filters don't go with it")
        parser.add_argument("--up-to", type=int, metavar="LABEL", help="the last label to take, as in a manifest")
        add_filters(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Write and say what was written."""
        path: Path = options["file"]
        suffix = path.suffix.removeprefix(".")
        try:
            project = named_project(options["project"])
            export = make_export(
                project=project,
                view=options["view"],
                file_format=options["format"] or (suffix if suffix in list(FileFormat) else FileFormat.JSONL),
                selection=selection_of(options),
                up_to=options["up_to"],
                snapshot=snapshot_named(project, options["snapshot"]) if options["snapshot"] else None,
            )
            manifest = write_file(export, path)
        except DomainError as error:
            raise CommandError(error.message) from None
        except OSError as error:
            raise CommandError(f"{path} can't be written: {error.strerror}") from None
        counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in manifest["counts"].items())
        self.stdout.write(f"{path}: {counts}; sha256 {manifest['sha256']}")
