"""Let simulated annotators, whose true reward is known, judge what is in a project's queue."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from labeling.errors import DomainError
from labeling.models import Project
from labeling.simulation.annotators import QUALITIES
from labeling.simulation.work import judge_items


class Command(BaseCommand):
    help = "Let simulated annotators judge through the real services."

    def add_arguments(self, parser: CommandParser) -> None:
        """Options."""
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--annotators", type=int, default=4, metavar="N", help="accounts sim-1 to sim-N (4)")
        parser.add_argument("--labels", type=int, default=40, metavar="N", help="stop after so many (40)")
        parser.add_argument("--seed", type=int, default=0, help="the same on the same queue gives the same labels (0)")
        parser.add_argument(
            "--quality",
            default="average",
            metavar="NAME[,NAME]",
            help=f"how the annotators judge, in turn: {', '.join(QUALITIES)} (average)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Judge and say what was done."""
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"there is no project {options['project']!r}")
        try:
            worked = judge_items(
                project,
                num_labels=options["labels"],
                num_annotators=options["annotators"],
                qualities=options["quality"].split(","),
                seed=options["seed"],
            )
        except DomainError as error:
            raise CommandError(error.message) from None
        agreement = f", {worked.agreement:.0%} of the wins as the true reward says" if worked.wins else ""
        self.stdout.write(f"{worked.labels} labels: {worked.wins} wins, {worked.ties} ties{agreement}")
        if worked.labels < options["labels"]:
            self.stdout.write(f"Nothing is left in the queue; {options['labels']} labels were asked for.")
