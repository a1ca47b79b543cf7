"""`manage.py reseal`: after SECRET_KEY was changed, secrets in the database are encrypted with the new one."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labeling.sealing import Unreadable
from labeling.services.second_factor import reseal


class Command(BaseCommand):
    """One encryption after the other, in one transaction; twice is harmless."""

    help = "Encrypt the secrets of second factors with SECRET_KEY; those in SECRET_KEY_FALLBACKS can go then."

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it and say of how many.

        Raises:
            CommandError: one can't be read; nothing was changed.
        """
        try:
            count = reseal()
        except Unreadable as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{count} secrets are encrypted with the SECRET_KEY in force.")
