"""Whether a row keeps the rules of its table, asked in one statement where all is well."""

from __future__ import annotations

from functools import reduce
from operator import and_

from django.core.exceptions import ValidationError
from django.db.models import CheckConstraint, Model


def clean(row: Model) -> None:
    """Check fields and constraints before a row is saved; what must be unique is left to the database.

    Django asks the database about each constraint with three statements. Here it is asked about all of them at once,
    and one by one only when something is wrong, to say what.

    Raises:
        django.core.exceptions.ValidationError: the fields, or the constraints that the row breaks, with their messages.
    """
    conditions = [each.condition for each in row._meta.constraints if isinstance(each, CheckConstraint)]
    try:
        row.full_clean(validate_unique=False, validate_constraints=False)
        if conditions:
            CheckConstraint(condition=reduce(and_, conditions), name="all").validate(type(row), row)
    except ValidationError:
        row.full_clean(validate_unique=False)
        raise
