"""Conversations: the export's view "conversations", or {"messages"} that end with the assistant's turn.

{"conversation_id", "prompt_id", "topic", "messages", "turns", "ranking_ids", "is_finished", "held_out", "annotator",
"created"}; all but the messages may be missing. The judgements of the turns come in a file of their own, as rankings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.imports.records import Record, make_record
from labeling.imports.talks import Talk
from labeling.imports.told import SAID, SHAPE, Told, refused
from labeling.selectors.stored import prompt_key
from labeling.services.texts import Messages, check_messages, check_text, messages_digest

COLUMNS = frozenset(
    {
        "conversation_id",
        "prompt_id",
        "topic",
        "messages",
        "turns",
        "ranking_ids",
        "is_finished",
        "held_out",
        "annotator",
    }
)
MOST_TURNS = 1000


def parse(row: dict[str, Any]) -> Record:
    """One row: a record of the prompt that the conversation was begun with, and the conversation.

    Raises:
        Invalid: messages that are no conversation, or a value that no export has.
    """
    messages = _messages(row.get("messages"))
    topic = check_text(row.get("topic") or "", name="the topic")
    told = _id(row, "prompt_id")
    opening = _opening(messages, topic=topic, told=told)
    record = make_record(prompt=opening)
    talk = Talk(
        key=_id(row, "conversation_id") or prompt_key(messages_digest(messages)),
        prompt_key=told or prompt_key(record.prompt_digest),
        topic=topic,
        messages=messages,
        turns=_turns(row.get("turns"), messages),
        rankings=_rankings(row.get("ranking_ids")),
        is_finished=_truth(row, "is_finished"),
        annotator=_annotator(row.get("annotator")),
    )
    return replace(record, talk=talk, told=Told(held_out=_truth(row, "held_out")))


def _messages(given: object) -> Messages:
    """What was said, checked. What carried the last turn on may be empty, as a policy may have written nothing."""
    if not isinstance(given, list) or len(given) < 2:
        raise Invalid(gettext('"messages" is not a list of two turns or more'))
    if len(given) > 2 * MOST_TURNS:
        raise Invalid(
            gettext("{count:,} messages: at most {most:,} are taken").format(count=len(given), most=2 * MOST_TURNS)
        )
    last = given[-1]
    if not isinstance(last, dict) or last.get("role") != "assistant":
        raise Invalid(gettext("a conversation ends with the assistant's turn"))
    text = check_text(last.get("content"), name=f"turn {len(given)}")
    return [*check_messages(given[:-1]), {"role": "assistant", "content": text}]


def _opening(messages: Messages, *, topic: str, told: str) -> Messages:
    """The messages of its prompt: those at the beginning that its id is of, else the topic, else the first turn."""
    ends = [place for place, message in enumerate(messages, start=1) if message["role"] == "user"]
    about: Messages = [{"role": "user", "content": topic}]
    if told:
        for found in [*([about] if topic.strip() else []), *(messages[:end] for end in ends[:20])]:
            if prompt_key(messages_digest(found)) == told:
                return found
    return about if topic.strip() else messages[: ends[0]]


def _id(row: Mapping[str, Any], name: str) -> str:
    """An id as exports have them; "" for another."""
    found = row.get(name)
    return found if isinstance(found, str) and SHAPE.fullmatch(found) else ""


def _turns(value: object, messages: Messages) -> int:
    if value is None:
        return min(sum(message["role"] == "assistant" for message in messages), MOST_TURNS)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_TURNS:
        raise refused("turns", value)
    return value


def _rankings(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MOST_TURNS:
        raise refused("ranking_ids", value)
    for each in value:
        if not isinstance(each, str) or not SHAPE.fullmatch(each):
            raise refused("ranking_ids", each)
    return tuple(value)


def _truth(row: Mapping[str, Any], name: str) -> bool | None:
    value = row.get(name)
    if value is not None and not isinstance(value, bool):
        raise refused(name, value)
    return value


def _annotator(value: object) -> str:
    is_name, _ = SAID["annotator"]
    if value is None:
        return ""
    if not is_name(value):
        raise refused("annotator", value)
    return str(value)
