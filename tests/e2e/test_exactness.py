"""Everything that can go wrong at once, over HTTP: every item still gets exactly its judgements.

The full size, 64 people and 2,000 items, is ``manage.py benchmark exactness``.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.benchmarks import exactness


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_every_item_ends_with_exactly_its_judgements_whatever_goes_wrong(settings, data_folder):
    # The web processes are real ones, with files and names of files as `make run` has them.
    settings.DATA_DIR, settings.STATIC_ROOT = data_folder, data_folder / "static"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "labeling.staticfiles.HashedStorage"}}
    said: list[Any] = []

    found = exactness.run(
        say=said.append, annotators=10, items=30, overlap=3, completions=2, kills=2, leaving=2, limit=120
    )

    must_not = {name: found[name] for name in ("inexact_items", "lost", "doubled", "errors")}
    assert must_not == {"inexact_items": 0, "lost": 0, "doubled": 0, "errors": 0}, (found, said)
    assert found["judgements"] == 90
    assert found["acknowledged"] >= 75  # some of those who were killed or left got no answer
    # All of it happened, and often enough.
    assert (found["killed"], found["left"]) == (2, 2)
    assert min(found["submitted_twice"], found["sent_again"]) >= 2
    assert found["expired"] >= 1  # another of those who left may have been between two items
