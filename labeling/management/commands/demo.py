"""Make the demo project with its people, prompts and first items, once."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from labeling.demo.project import make_demo


class Command(BaseCommand):
    help = "Make the demo project; what is there already stays as it is. DEMO_PASSWORD sets the accounts' password."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it, and say the password when there is one to say."""
        demo = make_demo(password=settings.DEMO_PASSWORD)
        if not demo.created:
            self.stdout.write("The demo project is there already.")
            return
        self.stdout.write("The demo project is made.")
        if demo.accounts and settings.DEMO_PASSWORD:
            self.stdout.write(f"Accounts: {', '.join(demo.accounts)}; the password is that of DEMO_PASSWORD.")
        elif demo.accounts:
            self.stdout.write(f"Accounts: {', '.join(demo.accounts)}; the password of each is: {demo.password}")
            self.stdout.write("It is said only this once: keep it.")
