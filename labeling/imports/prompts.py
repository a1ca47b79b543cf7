"""Prompts: {"prompt": text or messages} or {"messages"}, with "completions" when they are to be judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.imports.records import Record, make_record
from labeling.imports.written import of_entries, with_models

COLUMNS = frozenset({"prompt", "messages", "completions"})


def parse(row: dict[str, Any]) -> Record:
    """One row; of {"messages"} that end with an assistant's turn the prompt is what comes before.

    Raises:
        Invalid: no prompt, or one that breaks a rule.
    """
    if ("prompt" in row) == ("messages" in row):
        raise Invalid(gettext('give either "prompt" or "messages"'))
    left_out = 0
    if "prompt" in row:
        prompt = row["prompt"]
    else:
        prompt, left_out = up_to_last_user_turn(_turns(row["messages"]))
    completions = row.get("completions")
    record = with_models(make_record(prompt=prompt, completions=texts_of(completions)), of_entries(completions))
    return replace(record, turns_left_out=left_out) if left_out else record


def _turns(messages: object) -> object:
    """The messages, which are a list: of a CSV, JSON that can't be read is a text."""
    if isinstance(messages, str):
        raise Invalid(
            gettext('"messages" is a text that is no list of {{"role", "content"}}: {text!r}').format(
                text=messages[:40]
            )
        )
    return messages


def up_to_last_user_turn(messages: object) -> tuple[object, int]:
    """Messages without the assistant's turns at their end, and how many those are."""
    if not isinstance(messages, list):
        return messages, 0
    end = len(messages)
    while end and isinstance(messages[end - 1], dict) and messages[end - 1].get("role") == "assistant":
        end -= 1
    return messages[:end], len(messages) - end


def texts_of(completions: object) -> list[object]:
    """The texts of [text, ...] or [{"text": text, ...}, ...].

    Raises:
        Invalid: neither.
    """
    if completions is None:
        return []
    if not isinstance(completions, list):
        raise Invalid(gettext('"completions" is {name}, not a list').format(name=type(completions).__name__))
    return [completion.get("text") if isinstance(completion, dict) else completion for completion in completions]
