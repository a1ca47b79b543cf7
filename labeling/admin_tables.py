"""What all tables of Django's admin share: large ones are neither counted nor joined, what services write is read."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin
from django.contrib.postgres.fields import ArrayField
from django.core.paginator import Paginator
from django.db.models import BinaryField, Field, ForeignKey, JSONField, Model, TextField
from django.http import HttpRequest
from django.utils.functional import cached_property

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
    Pages = Paginator[Any]
else:  # generic in the stubs only
    Base = admin.ModelAdmin
    Pages = Paginator

MOST_COUNTED = 10_000
LONG = (TextField, JSONField, BinaryField, ArrayField)
MOST_COLUMNS = 8


class CountedToALimit(Pages):
    """Pages of the first 10,000 rows: whoever looks for one row filters or searches, and nobody counts a million."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, up to the limit."""
        rows: Any = self.object_list
        return int(rows.values("pk")[:MOST_COUNTED].count())


class LargeTable:
    """Tables with millions of rows: no total count, ids instead of drop-down lists."""

    show_full_result_count = False
    list_per_page = 50
    paginator: Any = CountedToALimit


class Kept:
    """Rows that may be repaired but not deleted: labels, snapshots and runs hang on them."""

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False


class ReadOnly:
    """Rows that services alone write: a change by hand would break what they promise."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False


class PlainTable(LargeTable, ReadOnly, Base):
    """A table that needs no page of its own design: its short columns, references as ids, found by its key."""

    secrets: Collection[str] = ()
    """Columns that nobody is shown."""

    def get_list_display(self, request: HttpRequest) -> list[str | Callable[[Any], Any]]:
        """The first short columns."""
        fields = [f for f in self.model._meta.concrete_fields if not isinstance(f, LONG) and f.name not in self.secrets]
        return [_column(field) for field in fields[:MOST_COLUMNS]]

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Secrets."""
        return [field.name for field in self.model._meta.concrete_fields if field.name in self.secrets]

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """The key."""
        return ["=pk"]

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """The newest first, by the key, which has an index."""
        return ["-pk"]


def _column(field: Field[Any, Any]) -> str | Callable[[Any], Any]:
    if not isinstance(field, ForeignKey):
        return field.name
    show = admin.display(description=field.verbose_name, ordering=field.name)(lambda row: getattr(row, field.attname))
    show.__name__ = field.name
    return show


def register_others(app: str, *, secrets: Collection[str] = (), besides: Collection[type[Model]] = ()) -> None:
    """Register the models of an app that have no page of their own; a key of several columns can't have one."""
    for model in apps.get_app_config(app).get_models():
        if not (admin.site.is_registered(model) or model in besides or model._meta.is_composite_pk):
            admin.site.register(model, type(f"{model.__name__}Admin", (PlainTable,), {"secrets": frozenset(secrets)}))
