"""Checks and digests of the texts that come in: prompts and completions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext

from labeling.errors import Invalid

ROLES = ("system", "user", "assistant")
MAX_CHARACTERS = 200_000

Messages = list[dict[str, str]]


def check_text(text: object, *, name: str, limit: int = MAX_CHARACTERS) -> str:
    """The text itself, when the database can hold it.

    Raises:
        Invalid: not a text, over ``limit`` characters (200,000), a NUL character, or half of a surrogate pair.
    """
    if not isinstance(text, str):
        raise Invalid(gettext("{name} is {type}, not a text").format(name=name, type=type(text).__name__))
    if len(text) > limit:
        raise Invalid(
            gettext("{name} has {count:,} characters: at most {limit:,} are taken").format(
                name=name, count=len(text), limit=limit
            )
        )
    if "\x00" in text:
        raise Invalid(
            gettext("{name} has a NUL character at {place}: remove it").format(name=name, place=text.index(chr(0)))
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Invalid(
            gettext("{name} has half of a surrogate pair at {start}: it is not valid Unicode").format(
                name=name, start=error.start
            )
        ) from None
    return text


def check_messages(messages: object) -> Messages:
    """Messages as stored: role and content only, the last one the user's.

    Args:
        messages: a text (one user turn) or a sequence of {"role", "content"}.

    Raises:
        Invalid: no messages, an unknown role, an empty turn, or a last turn that is not the user's.
    """
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    if not isinstance(messages, Sequence) or not messages:
        raise Invalid(gettext('a prompt is a text or a list of {"role", "content"}, and not empty'))
    checked = [_check_message(message, number) for number, message in enumerate(messages, start=1)]
    if checked[-1]["role"] != "user":
        raise Invalid(
            gettext("the last turn is the {role}'s: a prompt ends with the user's turn").format(
                role=checked[-1]["role"]
            )
        )
    if any(message["role"] == "system" for message in checked[1:]):
        raise Invalid(gettext("a system turn comes first or not at all"))
    if next(message["role"] for message in checked if message["role"] != "system") != "user":
        raise Invalid(gettext("the assistant's turn comes first: a prompt begins with the user's turn"))
    return checked


def _check_message(message: Any, number: int) -> dict[str, str]:
    if not isinstance(message, dict) or "role" not in message or "content" not in message:
        raise Invalid(
            gettext('turn {number} is not {{"role", "content"}}: {message!r}').format(
                number=number, message=str(message)[:80]
            )
        )
    if message["role"] not in ROLES:
        raise Invalid(
            gettext("turn {number} has the role {role!r}: use one of {roles}").format(
                number=number, role=message["role"], roles=", ".join(ROLES)
            )
        )
    content = check_text(message["content"], name=f"turn {number}")
    if not content.strip():
        raise Invalid(gettext("turn {number} is empty").format(number=number))
    return {"role": message["role"], "content": content}


def messages_digest(messages: Messages) -> str:
    """SHA-256 of the messages, in hexadecimal."""
    canonical = json.dumps(
        [[message["role"], message["content"]] for message in messages], ensure_ascii=False, separators=(",", ":")
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def text_digest(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_held_out(digest: str, *, percent: int) -> bool:
    """Whether a prompt is held out: decided by its digest alone, so that it never changes sides."""
    return int(digest[:8], 16) % 100 < percent
