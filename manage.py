#!/usr/bin/env python3
"""Django's command line. Where no server is named, a command gets the embedded database for as long as it runs."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Run one command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labeling.settings")
    # Threads of torch that wait by spinning take the processor from the web server and the database, and from each
    # other: a training step beside other work took 6.6 s, with waiting threads asleep 0.96 s. Read when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line

        from labeling.runtime.errors import StartError
        from labeling.runtime.local import surroundings
    except ModuleNotFoundError as error:
        sys.exit(f"{error.name} is not installed here: run `make setup`, then .venv/bin/python manage.py ...")
    signal.signal(signal.SIGTERM, _leave)
    try:
        with surroundings(sys.argv[1:]):
            execute_from_command_line(sys.argv)
    except StartError as error:
        sys.exit(f"Prefloop cannot start: {error}")
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except ImproperlyConfigured as error:
        sys.exit(f"The settings are refused: {error}")


def _leave(signum: int, _frame: FrameType | None) -> None:
    """End by the usual way out, so that the last one out stops the database."""
    sys.exit(128 + signum)


if __name__ == "__main__":
    main()
