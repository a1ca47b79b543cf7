"""System checks: what the settings alone can't tell. `manage.py check`, with --database default and --deploy."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

LOWEST_POSTGRESQL = 15  # UNIQUE NULLS NOT DISTINCT, which keeps a completion from being stored twice


@register(Tags.database)
def check_database_version(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """The server knows the constraints that the tables are made of."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        version = connections[alias].pg_version // 10_000  # type: ignore[attr-defined]  # PostgreSQL's has one
        if version < LOWEST_POSTGRESQL:
            found.append(
                Error(
                    f"PostgreSQL {version} lacks UNIQUE NULLS NOT DISTINCT.",
                    hint=f"Use PostgreSQL {LOWEST_POSTGRESQL} or newer, or unset DATABASE_URL for the embedded one.",
                    id="labeling.E001",
                )
            )
    return found


@register(Tags.files)
def check_data_folder(**kwargs: Any) -> list[CheckMessage]:
    """The data folder, or the nearest one above it that is there, can be written to."""
    folder = settings.DATA_DIR
    while not folder.exists():
        folder = folder.parent
    if os.access(folder, os.W_OK | os.X_OK):
        return []
    return [
        Error(
            f"The folder {folder} can't be written to.",
            hint="Name another folder in DATA_DIR, or give this one to the account that runs Prefloop.",
            id="labeling.E002",
        )
    ]


@register(Tags.security, deploy=True)
def check_demo_password(**kwargs: Any) -> list[CheckMessage]:
    """A server that others reach has no accounts of the demo with a password from its environment."""
    if not settings.DEMO_PASSWORD:
        return []
    return [
        Warning(
            "DEMO_PASSWORD is set: everybody who knows it is the demo's admin.",
            hint="Unset it on a server; it is for `make run` on one's own machine.",
            id="labeling.W001",
        )
    ]
