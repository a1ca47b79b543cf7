"""TRL's preference formats: explicit {"prompt", "chosen", "rejected"} or implicit {"chosen", "rejected"}.

Each as texts or as messages (conversational).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.imports.pairs import parse_pair
from labeling.imports.records import Record
from labeling.imports.written import COLUMNS as WRITTEN
from labeling.imports.written import of_pair, with_models

COLUMNS = WRITTEN | {"prompt", "chosen", "rejected", "outcome"}
TIE = (1, 1)
"""As exports tell it of comparisons, which have these columns, too."""


def parse(row: dict[str, Any]) -> Record:
    """One row.

    Raises:
        Invalid: "chosen" or "rejected" is missing, or pairs.parse_pair refuses them.
    """
    if missing := [name for name in ("chosen", "rejected") if row.get(name) is None]:
        raise Invalid(gettext("there is no {missing!r}").format(missing=missing[0]))
    record = parse_pair(prompt=row.get("prompt"), chosen=row["chosen"], rejected=row["rejected"])
    record = with_models(record, of_pair(row))
    return replace(record, ranks=TIE) if row.get("outcome") == "tie" else record
