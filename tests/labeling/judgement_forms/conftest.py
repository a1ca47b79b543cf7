from __future__ import annotations

import datetime as dt
from typing import Any

import pytest


@pytest.fixture
def a_sheet() -> Any:
    """A function that makes a sheet of a kind, with completion 31 shown before 12, and with a draft."""
    from labeling.selectors.progress import Progress  # this file may be read before Django is set up
    from labeling.selectors.queue import Sheet, ShownCompletion

    def make(kind: str = "ranking", **draft: Any) -> Sheet:
        return Sheet(
            assignment=5,
            kind=kind,
            prompt=[{"role": "user", "content": "Name a colour."}],
            completions=[ShownCompletion(id=31, text="Red."), ShownCompletion(id=12, text="Blue.")],
            lease_expires=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
            draft=draft,
            flags=["opinion", "violent"],
            progress=Progress(done=0, total=1, mine=0, seconds=0.0),
        )

    return make


@pytest.fixture
def sent() -> Any:
    """A function that makes what a browser sends: the fields given, a client id and the time."""
    from django.http import QueryDict

    def make(fields: str) -> QueryDict:
        return QueryDict(f"client_id=0b7e7f3e-8f0a-4f3c-9d7c-6a51b3f6e001&seconds=4.5&{fields}", mutable=True)

    return make
