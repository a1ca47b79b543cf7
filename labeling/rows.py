"""Model instances from statements of our own, for the few requests that annotators wait for.

A query set is built anew at each call, which costs more than the statement does. What changes and who may do it stays
in the services; how tables look stays in the models, from which the columns are taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Model


@cache
def columns(model: type[Model], alias: str) -> str:
    """All columns of a model, to be selected from the table by the name that the statement gives it."""
    return ", ".join(f'{alias}."{field.column}"' for field in model._meta.concrete_fields)


def instances(values: tuple[Any, ...], *models: type[Model]) -> list[Any]:
    """One instance of each model from a row that selects the columns of each, in this order."""
    found, begin = [], 0
    for model in models:
        fields = model._meta.concrete_fields
        row = list(values[begin : begin + len(fields)])
        for place, field in _converted(model):
            row[place] = field.from_db_value(row[place], None, connection)
        found.append(model.from_db(connection.alias, [field.attname for field in fields], row))
        begin += len(fields)
    return found


@cache
def _converted(model: type[Model]) -> list[tuple[int, Any]]:
    """The fields whose values the database hands out in another form than models have them: JSON, as text."""
    return [(n, field) for n, field in enumerate(model._meta.concrete_fields) if hasattr(field, "from_db_value")]


def fetch_one(statement: str, parameters: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The first row of a statement; None when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def insertion(row: Model) -> tuple[str, str, dict[str, Any]]:
    """The columns of a new row, the names of their parameters, and the values; without a key that it has not yet."""
    fields = [field for field in row._meta.concrete_fields if not (field.primary_key and row.pk is None)]
    values = {
        f"new_{field.column}": field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields
    }
    return ", ".join(f'"{f.column}"' for f in fields), ", ".join(f"%(new_{f.column})s" for f in fields), values
