"""manage.py collect_files: removes the files of old versions that nothing needs."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from alignment.clocks.retention import collect
from labeling import exchange


class Command(BaseCommand):
    """What the worker does after each run, by hand."""

    help = "Remove files of old versions, reward models and checkpoints that nothing needs; their rows stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which project, and whether to look only."""
        parser.add_argument("--project", help="slug of a project (default: all)")
        parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Collect, and say for each project what went."""
        projects = [each for each in exchange.all_projects() if options["project"] in (None, each.slug)]
        if not projects:
            raise CommandError(f"there is no project {options['project']!r}")
        for project in projects:
            found = collect(project.id, dry_run=options["dry_run"])
            counts = (
                f"{len(found.versions)} versions, {len(found.reward_models)} reward models, "
                f"{len(found.preference_models)} preference models"
            )
            said = f"{project.slug}: {counts}, checkpoints of {len(found.runs)} runs, {found.size / 1e6:.1f} MB"
            self.stdout.write(said + (" (kept)" if options["dry_run"] else ""))
