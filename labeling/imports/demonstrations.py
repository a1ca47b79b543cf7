"""Demonstrations: what somebody wrote, as SFT sets have it.

{"prompt", "completion"}, each a text or messages (TRL's prompt-completion, and the export's view "demonstrations"), or
{"messages"} that end with the assistant's turn (no_robots).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.imports import told
from labeling.imports.records import Record, check_demonstration, make_record
from labeling.imports.written import with_models
from labeling.services.texts import check_text

COLUMNS = frozenset(
    {
        "prompt",
        "completion",
        "completion_id",
        "messages",
        "notes",
        "suggestion",
        "suggestion_id",
        "model",
        *told.COLUMNS,
    }
)


def parse(row: dict[str, Any]) -> Record:
    """One row; of {"messages"} the last turn is the demonstration.

    no_robots has the first turn under "prompt" as well, beside the messages that hold it.

    Raises:
        Invalid: no prompt or no completion, or one that breaks a rule.
    """
    messages = row.get("messages")
    if messages is None:
        if row.get("prompt") is None or row.get("completion") is None:
            raise Invalid(gettext('give "prompt" and "completion", or "messages" that end with the assistant\'s turn'))
        return _record(row, row["prompt"], row["completion"])
    if row.get("completion") is not None:
        raise Invalid(gettext('"messages" and "completion" are both there: keep one'))
    if not isinstance(messages, list) or len(messages) < 2:
        raise Invalid(gettext('"messages" is not a list of two turns or more'))
    return _record(row, messages[:-1], messages[-1:])


def _record(row: dict[str, Any], prompt: object, completion: object) -> Record:
    if isinstance(completion, list):
        if len(completion) != 1 or not isinstance(completion[0], dict) or completion[0].get("role") != "assistant":
            raise Invalid(gettext("a demonstration is one turn, the assistant's, and the last one"))
        completion = completion[0].get("content")
    if completion is None:
        raise Invalid(gettext("the assistant's turn has no content"))
    suggestion = row.get("suggestion")
    if suggestion is None and row.get("suggestion_id"):
        suggestion = ""  # a CSV file tells nothing from an empty text
    record = replace(
        make_record(prompt=prompt, notes=row.get("notes")),
        demonstration=check_demonstration(completion),
        suggestion=None if suggestion is None else check_text(suggestion, name="the suggestion"),
        told=told.told_of(row),
    )
    return with_models(record, [row.get("model"), None][: len(record.texts)])
