"""Blind evaluations as rows of their own: which version's completion a person preferred, not knowing of versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from labeling.selectors.stored import StoredJudgement, prompt_key

COLUMNS = {
    "label_id": "text",
    "prompt_id": "text",
    "prompt": "messages",
    "first_policy": "int",
    "first_id": "text",
    "first": "text",
    "second_policy": "int",
    "second_id": "text",
    "second": "text",
    "outcome": "text",
    "strength": "int",
    "flags": "flags",
    "notes": "text",
    "seconds": "float",
    "held_out": "bool",
    "annotator": "text",
    "source": "text",
    "is_extra": "bool",
    "created": "text",
}


def evaluation_rows(judgement: StoredJudgement, counts: Counter[str]) -> Iterator[dict[str, Any]]:
    """One row for each judgement; ``outcome`` is first, second or tie. The lower version is the first."""
    low, high = sorted((0, 1), key=lambda place: judgement.versions[place] or 0)
    ranks = judgement.ranks[low] or 0, judgement.ranks[high] or 0
    outcome = "tie" if ranks[0] == ranks[1] else "first" if ranks[0] < ranks[1] else "second"
    counts[f"{outcome}s" if outcome == "tie" else f"{outcome}_better"] += 1
    yield {
        "label_id": judgement.key,
        "prompt_id": prompt_key(judgement.prompt_digest),
        "prompt": judgement.messages,
        "first_policy": judgement.versions[low],
        "first_id": judgement.keys[low],
        "first": judgement.texts[low],
        "second_policy": judgement.versions[high],
        "second_id": judgement.keys[high],
        "second": judgement.texts[high],
        "outcome": outcome,
        "strength": judgement.strength,
        "flags": [judgement.flags[low], judgement.flags[high]],
        "notes": judgement.notes,
        "seconds": judgement.seconds,
        "held_out": judgement.held_out,
        "annotator": judgement.called,
        "source": judgement.source,
        "is_extra": judgement.is_extra,
        "created": judgement.created,
    }
