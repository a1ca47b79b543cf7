"""Long reads, and what whoever uses their rows does with the database meanwhile."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from django.db import DataError, connection, transaction
from factories import judge, make_cast

from labeling.models import Label
from labeling.selectors.judgements import judgements


def fail_for_a_while() -> None:
    """A transaction that can't go on, so that any statement in it is refused."""
    with suppress(DataError), transaction.atomic(), connection.cursor() as cursor:
        try:
            cursor.execute("SELECT 1 / 0")
        finally:
            time.sleep(0.02)


@pytest.mark.django_db(transaction=True)
def test_rows_may_be_used_in_transactions_of_their_own():
    cast = make_cast(num_items=3)
    for _ in range(3):
        judge(cast.project, cast.bob)
    found = []

    for judgement in judgements(cast.project, chunk=1):
        fail_for_a_while()
        found.append(judgement.label)

    assert found == list(Label.objects.order_by("id").values_list("id", flat=True))


@pytest.mark.django_db(transaction=True)
def test_a_read_inside_a_transaction_sees_what_that_wrote():
    cast = make_cast(num_items=3)
    for _ in range(3):
        judge(cast.project, cast.bob)

    with transaction.atomic():
        Label.objects.update(notes="mine")
        notes = [judgement.notes for judgement in judgements(cast.project, chunk=1)]

    assert notes == ["mine"] * 3
