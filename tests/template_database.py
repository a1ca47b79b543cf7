"""An empty database with all tables, of which test databases are copies: migrating takes seconds, copying a moment."""

from __future__ import annotations

import fcntl
import hashlib
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

PREFIX = "prefloop_tables_"


def template_database(server: dict[str, Any], *, folder: Path) -> str:
    """The name of the database on a server that all migrations of now were run in; made by the first who needs it.

    Args:
        server: how to connect, in libpq's words.
        folder: where processes of one server wait for each other.
    """
    name = f"{PREFIX}{_digest()}"
    with (folder / "tables.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with psycopg.connect(**server, autocommit=True) as connection:
            found = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX])
            names = {row[0] for row in found}
            if name in names:
                return name
            for old in names:  # of other migrations, or left half made
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(old)))
            making = f"{name}_making"
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(making)))
            _migrate(making)
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            connection.execute(rename.format(sql.Identifier(making), sql.Identifier(name)))
    return name


def _digest() -> str:
    """Of every migration there is, and of the packages whose migrations read further files."""
    sha = hashlib.sha256(f"{version('django')} {version('procrastinate')}".encode())
    for key, migration in sorted(MigrationLoader(None).disk_migrations.items()):
        source = sys.modules[type(migration).__module__].__file__
        assert source is not None
        sha.update(repr(key).encode() + Path(source).read_bytes())
    return sha.hexdigest()[:16]


def _migrate(name: str) -> None:
    connection: Any = connections["default"]
    usual = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = name
    try:
        call_command("migrate", interactive=False, verbosity=0)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual
