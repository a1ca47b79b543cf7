"""Emptying the tables after a test whose work was committed: those rows alone that are there."""

from __future__ import annotations

from django.db import connection, transaction
from psycopg import sql

KEPT = {"django_content_type", "auth_permission"}
"""What migrating writes and no test changes."""
JOBS = ("procrastinate_events", "procrastinate_periodic_defers", "procrastinate_jobs", "procrastinate_workers")
"""Tables that are no models', those that refer to others first."""


def filled_tables() -> list[str]:
    """The tables of the project's models that hold any row."""
    names = sorted(set(connection.introspection.django_table_names(only_existing=True)) - KEPT)
    asked = sql.SQL(" UNION ALL ").join(
        sql.SQL("(SELECT {} FROM {} LIMIT 1)").format(sql.Literal(name), sql.Identifier(name)) for name in names
    )
    with connection.cursor() as cursor:
        cursor.execute(asked)
        return [row[0] for row in cursor.fetchall()]


def empty_tables() -> None:
    """Delete all rows of all tables of the project's models.

    Django truncates every table, which makes hundreds of new files, and then writes content types and permissions
    again: half a second for a handful of rows.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        filled = filled_tables()
        cursor.execute("SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal")
        # Some rows may not be deleted by the rules of their tables; here they are.
        guarded = {row[0] for row in cursor.fetchall()} & set(filled)
        for name in guarded:
            cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier(name)))
        for name in filled:
            cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
        for name in JOBS:
            cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for name in guarded:
            cursor.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(sql.Identifier(name)))
