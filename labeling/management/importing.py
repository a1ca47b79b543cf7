"""What the two import commands share: opening the file, finding or making the project, telling what came of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from labeling.errors import DomainError
from labeling.imports.files import Rejected, Summary
from labeling.imports.formats import Format
from labeling.imports.reading import FileKind, kind_of
from labeling.imports.recorded import Brought, ask_for, run
from labeling.models import Project, User
from labeling.services.projects import create_project

SYSTEM_USER = "system"
SUFFIXES = re.compile(r"(\.(jsonl|json|csv|parquet|pq|gz))+$")


class ImportCommand(BaseCommand):
    """Takes a file into a project, all rows or none, unless the good ones are to be kept."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Options of both commands."""
        parser.add_argument("file", type=Path, metavar="FILE", help="JSON lines, CSV or Parquet, gzip or not")
        parser.add_argument("--project", metavar="SLUG", help="default: named after the file, made when missing")
        parser.add_argument("--kind", choices=list(FileKind), help="default: by the file's name")
        parser.add_argument("--tags", metavar="A,B", help="given to every prompt of the file")
        parser.add_argument(
            "--keep-good", action="store_true", help="store the good rows and list the others, instead of nothing"
        )

    def take_in(self, file_format: Format, options: dict[str, Any]) -> None:
        """Import the file and say what came of it.

        Raises:
            CommandError: no such file or project, or a row that is refused.
        """
        path: Path = options["file"]
        try:
            file = path.open("rb")
        except OSError as error:
            raise CommandError(f"{path} can't be opened: {error.strerror}") from None
        with file:
            try:
                project = named_project(options["project"]) if options["project"] else project_after(path)
                brought = Brought(
                    name=path.name,
                    file_format=file_format,
                    kind=FileKind(options["kind"] or kind_of(path.name)),
                    keep_good=options["keep_good"],
                    tags=options["tags"],
                )
                imported = ask_for(brought, project=project, by=None, num_bytes=path.stat().st_size)
                summary = run(imported, file, on_rejected=self.tell_rejected)
            except DomainError as error:
                raise CommandError(error.message) from None
        self.stdout.write(f"{project.slug}: {told(summary)}")
        if summary.turns_left_out:
            self.stdout.write(f"{summary.turns_left_out:,} turns after the user's last one are no part of the prompts.")
        if summary.ignored_columns:
            self.stdout.write(f"Columns without a use here: {', '.join(sorted(summary.ignored_columns))}.")

    def tell_rejected(self, rejected: Rejected) -> None:
        """One line on standard error for each row that is refused."""
        self.stderr.write(f"line {rejected.line}: {rejected.reason}")


def named_project(slug: str) -> Project:
    """The project.

    Raises:
        CommandError: there is none; a misspelt name shall not make one.
    """
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        raise CommandError(f"there is no project {slug!r}: leave --project out to make one named after the file")
    return project


def project_after(path: Path) -> Project:
    """The project named after a file; a new one belongs to the first superuser, else to an account without a login."""
    name = SUFFIXES.sub("", path.name.lower())
    slug = re.sub(r"[^a-z0-9]+", "-", name).strip("-")[:50].rstrip("-") or "imported"
    project = Project.objects.filter(slug=slug).first()
    if project is not None:
        return project
    creator = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if creator is None:
        creator = User.objects.filter(username=SYSTEM_USER).first() or User.objects.create_user(SYSTEM_USER)
    return create_project(slug=slug, creator=creator)


def told(summary: Summary) -> str:
    """A summary in a line."""
    stored = summary.stored
    talks = f", {stored.conversations:,} new conversations" if stored.conversations else ""
    return (
        f"{summary.rows:,} rows: {stored.labels:,} new labels, {stored.prompts:,} new prompts, "
        f"{stored.items:,} new items in the queue{talks}; {stored.repeated:,} rows were there already, "
        f"{stored.held_out:,} are of held-out prompts, {summary.num_rejected:,} rejected"
    )
