"""OpenRLHF's preference format: {"chosen", "rejected"} and a prompt under "prompt" or "input", texts or messages."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.imports.pairs import parse_pair
from labeling.imports.records import Record
from labeling.imports.told import Told
from labeling.imports.written import COLUMNS as WRITTEN
from labeling.imports.written import of_pair, with_models

COLUMNS = WRITTEN | {"prompt", "input", "chosen", "rejected", "margin"}


def parse(row: dict[str, Any]) -> Record:
    """One row.

    Raises:
        Invalid: a key is missing, "prompt" and "input" are both there, or pairs.parse_pair refuses them.
    """
    if missing := [name for name in ("chosen", "rejected") if row.get(name) is None]:
        raise Invalid(gettext("there is no {missing!r}").format(missing=missing[0]))
    prompts = [row[name] for name in ("prompt", "input") if row.get(name) is not None]
    if len(prompts) > 1:
        raise Invalid(gettext('"prompt" and "input" are both there: keep one'))
    record = parse_pair(prompt=prompts[0] if prompts else None, chosen=row["chosen"], rejected=row["rejected"])
    record = with_models(record, of_pair(row))
    margin = row.get("margin")
    if not margin:
        return record
    if not isinstance(margin, int | float) or isinstance(margin, bool) or not math.isfinite(margin):
        raise Invalid(gettext("the margin {margin!r} is no number").format(margin=str(margin)[:80]))
    return replace(record, told=Told(said={"openrlhf_margin": float(margin)}))
