"""manage.py benchmark NAME: measure, and print one JSON object as the last line."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

FOLDER = Path(settings.BASE_DIR) / "tests" / "benchmarks"


class Command(BaseCommand):
    """Each benchmark is a module of tests/benchmarks with ``run(*, say, **settings)`` and its SETTINGS."""

    help = "Run a benchmark. It makes projects of its own: give it a DATA_DIR of its own, too."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which one, and its settings."""
        parser.add_argument("name", help=f"one of: {', '.join(_names()) or 'none in this installation'}")
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NAME=NUMBER",
            help="a setting of the benchmark; may be repeated",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run it."""
        name = options["name"]
        if name not in _names():
            raise CommandError(f"there is no benchmark {name!r}: there are {', '.join(_names())}")
        module = import_module(f"tests.benchmarks.{name}")
        call_command("migrate", verbosity=0)  # a DATA_DIR of its own starts empty
        found = module.run(say=self.stderr.write, **_settings(options["set"], known=module.SETTINGS))
        self.stdout.write(json.dumps(found))


def _names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.py"))


def _settings(given: list[str], *, known: dict[str, int]) -> dict[str, int]:
    values = dict(known)
    for assignment in given:
        name, _, value = assignment.partition("=")
        if name not in known:
            raise CommandError(f"the benchmark has no setting {name!r}: it has {', '.join(known)}")
        if not value.isdecimal():
            raise CommandError(f"--set {assignment}: give a whole number")
        values[name] = int(value)
    return values
