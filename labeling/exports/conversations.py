"""Whole conversations as rows: what was said and carried on, and which judgements its turns are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from labeling.selectors.talks import StoredConversation

COLUMNS = {
    "conversation_id": "text",
    "prompt_id": "text",
    "topic": "text",
    "messages": "messages",
    "turns": "int",
    "ranking_ids": "texts",
    "is_finished": "bool",
    "held_out": "bool",
    "annotator": "text",
    "created": "text",
}


def conversation_rows(talk: StoredConversation, counts: Counter[str]) -> Iterator[dict[str, Any]]:
    """One row for each conversation that has a judged turn; ``ranking_ids`` name its judgements in the other views."""
    counts["turns"] += talk.turns
    yield {
        "conversation_id": talk.key,
        "prompt_id": talk.prompt_key,
        "topic": talk.topic,
        "messages": talk.messages,
        "turns": talk.turns,
        "ranking_ids": talk.labels,
        "is_finished": talk.is_finished,
        "held_out": talk.held_out,
        "annotator": talk.annotator,
        "created": talk.created,
    }
