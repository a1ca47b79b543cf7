"""Name the people of an old project with a secret, as new projects do."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from labeling.errors import DomainError
from labeling.management.importing import named_project
from labeling.selectors.pseudonyms import renaming_of
from labeling.services.pseudonyms import key_pseudonyms


class Command(BaseCommand):
    help = "Make the pseudonyms of a project from before version 0019 of its tables with a secret. It can't be undone."

    def add_arguments(self, parser: CommandParser) -> None:
        """Options."""
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--yes", action="store_true", help="don't ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Say what it does, ask, and do it."""
        project = named_project(options["project"])
        for heading, text in renaming_of(project).texts:
            self.stdout.write(f"{heading}: {text}")
        try:
            if not project.pseudonym_key and not options["yes"] and input("Go on? Type yes: ").strip() != "yes":
                raise CommandError("nothing was changed")
            key_pseudonyms(project=project)
        except EOFError:
            raise CommandError("nobody is there to say yes: nothing was changed; with --yes it is") from None
        except DomainError as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{project.slug}: pseudonyms are made with a secret now")
