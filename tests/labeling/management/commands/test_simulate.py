"""manage.py simulate."""

from __future__ import annotations

import io
import re

import pytest
from django.core.management import CommandError, call_command
from factories import make_cast

from labeling.models import Label

pytestmark = pytest.mark.django_db


def test_labels_are_stored_and_counted():
    make_cast(num_items=5)
    out = io.StringIO()

    call_command("simulate", project="colours", annotators=2, labels=3, seed=1, stdout=out)

    assert Label.objects.count() == 3
    # 3 rankings of 3 completions have 9 pairs
    found = re.match(r"3 labels: (\d+) wins, (\d+) ties, \d+% of the wins as the true reward says\n", out.getvalue())
    assert found is not None
    assert int(found.group(1)) + int(found.group(2)) == 9


def test_empty_queue_is_said():
    make_cast(num_items=2)
    out = io.StringIO()

    call_command("simulate", "--project=colours", "--labels=5", stdout=out)

    assert "Nothing is left in the queue; 5 labels were asked for." in out.getvalue()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--project=nowhere"], "no project 'nowhere'"),
        (["--project=colours", "--labels=0"], "0 labels"),
        (["--project=colours", "--annotators=-1"], "-1 annotators"),
        (["--project=colours", "--quality=average,bad"], "no quality 'bad'"),
        ([], "--project"),
    ],
)
def test_wrong_option_is_refused_by_its_value(options, reason):
    make_cast()

    with pytest.raises(CommandError, match=reason):
        call_command("simulate", *options)
