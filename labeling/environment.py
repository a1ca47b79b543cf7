"""Typed readers of environment variables. A malformed value is refused at once, by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict


def text(name: str, default: str = "") -> str:
    """The variable, stripped; ``default`` when it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def boolean(name: str, *, default: bool) -> bool:
    """1, true, yes, on or 0, false, no, off.

    Raises:
        ImproperlyConfigured: any other value.
    """
    value = text(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is neither yes nor no: set it to 1 or 0")


def integer(name: str, *, default: int, lowest: int, highest: int) -> int:
    """A whole number from lowest to highest.

    Raises:
        ImproperlyConfigured: not a number, or outside the range.
    """
    value = text(name, str(default))
    if not (value.isascii() and value.isdecimal()) or not lowest <= int(value) <= highest:
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number from {lowest} to {highest}")
    return int(value)


def items(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Comma-separated values."""
    return [value.strip() for value in text(name).split(",") if value.strip()] or list(default)


def folder(name: str, *, default: Path) -> Path:
    """An absolute path to a folder that exists or can be made.

    Raises:
        ImproperlyConfigured: the path is a file.
    """
    path = Path(text(name, str(default))).expanduser().resolve()
    if path.exists() and not path.is_dir():
        raise ImproperlyConfigured(f"{name}={str(path)!r} is a file: name a folder")
    return path


def database_url(name: str) -> dict[str, Any]:
    """The parts of postgresql://user:password@host:port/database?sslmode=... as Django names them; empty when unset.

    Raises:
        ImproperlyConfigured: another scheme, no database name, or an address that libpq refuses.
    """
    value = text(name)
    if not value:
        return {}
    if not value.startswith(("postgres://", "postgresql://")):
        raise ImproperlyConfigured(f"{name} begins with {value[:12]!r}: Prefloop needs postgresql://")
    try:
        parts = conninfo_to_dict(value)
    except ProgrammingError as error:
        raise ImproperlyConfigured(f"{name} is no database address: {error}") from None
    if not parts.get("dbname"):
        raise ImproperlyConfigured(f"{name} names no database: postgresql://user:password@host:5432/database")
    return database_parts(parts)


def database_parts(parts: Mapping[str, Any]) -> dict[str, Any]:
    """A server's parts by libpq's names (host, dbname, ...) turned into Django's; the rest are options."""
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    return {
        **{names[key]: str(value) for key, value in parts.items() if key in names},
        "OPTIONS": {key: value for key, value in parts.items() if key not in names},
    }
