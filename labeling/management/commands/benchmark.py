"""manage.py benchmark NAME [--SETTING NUMBER ...]: measure, and print one JSON object as the last line."""

from __future__ import annotations

import json
from argparse import REMAINDER, ArgumentParser
from collections.abc import Iterator, Sequence
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
    requires_system_checks = ()  # they load all pages and the API: 40 MB that nothing here uses

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which one, and its settings."""
        parser.add_argument("name", help=f"one of: {', '.join(_names()) or 'none in this installation'}")
        parser.add_argument(
            "given",
            nargs=REMAINDER,
            metavar="--SETTING NUMBER",
            help="settings of the benchmark, as in: benchmark rounds --seeds 1",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run it."""
        name = options["name"]
        if name not in _names():
            raise CommandError(f"there is no benchmark {name!r}: there are {', '.join(_names())}")
        module = import_module(f"tests.benchmarks.{name}")
        chosen = _settings(options["given"], known=module.SETTINGS)
        call_command("migrate", verbosity=0)  # a DATA_DIR of its own starts empty
        found = module.run(say=self.stderr.write, **chosen)
        self.stdout.write(json.dumps(found))


def _names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.py"))


def _settings(words: Sequence[str], *, known: dict[str, int]) -> dict[str, int]:
    values = dict(known)
    for option, value in _pairs(words):
        name = option.removeprefix("--").replace("-", "_")
        if not option.startswith("--") or name not in known:
            raise CommandError(f"the benchmark has no setting {option!r}: it has {', '.join(f'--{n}' for n in known)}")
        if not value.isdecimal():
            raise CommandError(f"{option} is {value!r}: give a whole number")
        values[name] = int(value)
    return values


def _pairs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """``--name value`` and ``--name=value`` alike."""
    rest = list(words)
    while rest:
        option, equals, value = rest.pop(0).partition("=")
        yield option, value if equals or not rest else rest.pop(0)
