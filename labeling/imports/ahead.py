"""Work on the next part while the last one is used."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.utils.translation import get_language, override

T = TypeVar("T")


def one_ahead(parts: Iterator[T]) -> Iterator[T]:
    """The same parts, each worked out by a thread while the one before is used.

    Reading and checking rows take as long as the database takes to store them: side by side they take half. The thread
    must not reach for the database; it speaks the language of the caller. What ``parts`` raises is raised here.
    """
    language = get_language()

    def work() -> T | None:
        with override(language):
            return next(parts, None)

    with ThreadPoolExecutor(1, thread_name_prefix="one-ahead") as pool:
        coming = pool.submit(work)
        while (part := coming.result()) is not None:
            coming = pool.submit(work)
            yield part
