"""Rows that the services made once in this process, for every other test that asks for the same.

Most tests begin with the same people, project and items, which take a hundred statements. They are made once; from then
on what was stored is copied in two statements, with new ids and as young as if it were made now. The first test that
asks for something, and each whose work is committed, gets it from the services.
"""

from __future__ import annotations

import datetime as dt
import pickle
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from django.apps import apps
from django.db import connection
from django.db.models import DateTimeField, ForeignKey, Model
from django.utils import timezone
from emptying import filled_tables
from psycopg import sql

T = TypeVar("T")
Moved = dict[str, int]
"""By table: how far the ids of a copy are from those that were kept."""


@dataclass(frozen=True)
class Column:
    """``refers`` is the table whose id it holds: its own as a primary key, another's as a foreign one."""

    name: str
    refers: str | None
    is_time: bool


@dataclass(frozen=True)
class Rows:
    """All rows of a table, as PostgreSQL writes them."""

    table: str
    sequence: str | None
    columns: list[Column]
    rows: list[tuple[str | None, ...]]

    def ids(self) -> range:
        """From the first id to the last."""
        [place] = [place for place, column in enumerate(self.columns) if column.refers == self.table][:1]
        found = [int(row[place] or 0) for row in self.rows]
        return range(min(found), max(found) + 1)

    def insert(self, moved: Moved, later: dt.timedelta) -> str:
        """The statement that stores a copy."""
        names = sql.SQL(", ").join(sql.Identifier(column.name) for column in self.columns)
        head = sql.SQL("INSERT INTO {} ({}) VALUES ").format(sql.Identifier(self.table), names).as_string(None)
        rows = (", ".join(self._values(row, moved, later)) for row in self.rows)
        return head + ", ".join(f"({values})" for values in rows)

    def _values(self, row: tuple[str | None, ...], moved: Moved, later: dt.timedelta) -> Iterator[str]:
        for column, value in zip(self.columns, row, strict=True):
            if value is None:
                yield "NULL"
            elif column.refers is not None:
                yield str(int(value) + moved.get(column.refers, 0))
            elif column.is_time:
                yield f"'{dt.datetime.fromisoformat(value) + later}'"
            else:
                yield "'" + value.replace("'", "''") + "'"


@dataclass(frozen=True)
class Kept:
    """What was stored, what was handed out, and when."""

    rows: list[Rows]
    made: bytes
    at: dt.datetime


_kept: dict[Hashable, Kept] = {}


def kept(make: Callable[[], T], *, key: Hashable) -> T:
    """What ``make`` makes, a dataclass of rows and lists of rows: made by it once, then copied."""
    if not connection.in_atomic_block:
        return make()
    if key in _kept:
        copied: T = _copy(_kept[key])
        return copied
    is_first = not filled_tables()
    made = make()
    if is_first and not _has_foreign_columns():
        _kept[key] = Kept([_read(table) for table in filled_tables()], pickle.dumps(made), timezone.now())
    return made


def _has_foreign_columns() -> bool:
    """Whether a table is not as the models have it: a test of a migration has put a column there for itself."""
    models = apps.get_models(include_auto_created=True)
    known = {(model._meta.db_table, field.column) for model in models for field in model._meta.concrete_fields}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT attribute.attrelid::regclass::text, attribute.attname FROM pg_attribute attribute
            WHERE attribute.attrelid = ANY(%s::regclass[]) AND attribute.attnum > 0 AND NOT attribute.attisdropped
            """,
            [list({table for table, _ in known})],
        )
        return not known.issuperset(cursor.fetchall())


def _read(table: str) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS, {"table": table})
        found = cursor.fetchall()
        columns = [Column(*row[:3]) for row in found]
        names = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column.name)) for column in columns)
        cursor.execute(sql.SQL("SELECT {} FROM {} ORDER BY 1").format(names, sql.Identifier(table)))
        return Rows(table, next((row[3] for row in found if row[3]), None), columns, cursor.fetchall())


# Without what is generated from others; ids that are no table's primary key are left as they are.
COLUMNS = """
SELECT attribute.attname,
    (SELECT CASE WHEN rule.contype = 'p' THEN rule.conrelid ELSE rule.confrelid END::regclass::text
     FROM pg_constraint rule WHERE rule.conrelid = attribute.attrelid AND rule.conkey = ARRAY[attribute.attnum]
         AND (rule.contype = 'f' OR rule.contype = 'p' AND attribute.attidentity <> '')
     ORDER BY rule.contype LIMIT 1),
    attribute.atttypid = 'timestamptz'::regtype,
    CASE WHEN attribute.attidentity <> '' THEN pg_get_serial_sequence(%(table)s, attribute.attname) END
FROM pg_attribute attribute
WHERE attribute.attrelid = %(table)s::regclass AND attribute.attnum > 0 AND NOT attribute.attisdropped
    AND attribute.attgenerated = ''
ORDER BY attribute.attnum
"""


def _copy(found: Kept) -> Any:
    later, numbered = timezone.now() - found.at, [rows for rows in found.rows if rows.sequence]
    with connection.cursor() as cursor:
        asked = ", ".join(
            f"setval('{rows.sequence}', nextval('{rows.sequence}') + {len(rows.ids()) - 1})" for rows in numbered
        )
        cursor.execute(f"SELECT {asked}")
        last = dict(zip((rows.table for rows in numbered), cursor.fetchone(), strict=True))
        moved = {rows.table: last[rows.table] - rows.ids()[-1] for rows in numbered}
        cursor.execute("; ".join(rows.insert(moved, later) for rows in found.rows))
    made = pickle.loads(found.made)
    seen: set[int] = set()
    for field in fields(made):
        value = getattr(made, field.name)
        for row in value if isinstance(value, list) else [value]:
            _move(row, moved, later, seen)
    return made


def _move(row: Model, moved: Moved, later: dt.timedelta, seen: set[int]) -> None:
    """Let a row, and those that it has loaded, be of the copy."""
    if id(row) in seen:
        return
    seen.add(id(row))
    for field in row._meta.concrete_fields:
        value = row.__dict__.get(field.attname)
        if value is None:
            continue
        if field.primary_key and isinstance(value, int):
            row.__dict__[field.attname] = value + moved.get(row._meta.db_table, 0)
        elif isinstance(field, ForeignKey):
            row.__dict__[field.attname] = value + moved.get(field.related_model._meta.db_table, 0)
        elif isinstance(field, DateTimeField) and isinstance(value, dt.datetime):
            row.__dict__[field.attname] = value + later
    for other in row._state.fields_cache.values():
        if isinstance(other, Model):
            _move(other, moved, later, seen)
