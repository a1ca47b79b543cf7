"""What people wrote, as rows for supervised fine-tuning: prompt and completion as TRL reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from labeling.exports.told import told
from labeling.selectors.stored import StoredDemonstration, prompt_key

COLUMNS = {
    "label_id": "text",
    "prompt_id": "text",
    "prompt": "messages",
    "completion_id": "text",
    "completion": "messages",
    "suggestion_id": "text",
    "suggestion": "text",
    "notes": "text",
    "seconds": "float",
    "held_out": "bool",
    "topics": "texts",
    "tags": "texts",
    "annotator": "text",
    "source": "text",
    "is_extra": "bool",
    "guidelines_version": "int",
    "created": "text",
    "superseded_by": "text",
}


def demonstration_rows(written: StoredDemonstration, counts: Counter[str]) -> Iterator[dict[str, Any]]:
    """One row for each text, with the suggestion that it was begun from."""
    counts["demonstrations"] += 1
    row = {
        "label_id": written.key,
        "prompt_id": prompt_key(written.prompt_digest),
        "prompt": written.messages,
        "completion_id": written.completion,
        "completion": [{"role": "assistant", "content": written.text}],
        "suggestion_id": written.suggestion,
        "suggestion": written.suggestion_text,
        "notes": written.notes,
        "seconds": written.seconds,
        "held_out": written.held_out,
        "topics": written.topics,
        "tags": written.tags,
        "annotator": written.called,
        "source": written.source,
        "is_extra": written.is_extra,
        "guidelines_version": written.guidelines_version,
        "created": written.created,
        "superseded_by": written.replaced_by,
    }
    if written.model is not None:
        row["model"] = written.model
    yield row if written.said is None else told(row, written.said)
