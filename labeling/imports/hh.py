"""hh-rlhf's format: two transcripts, {"chosen": "\\n\\nHuman: ...\\n\\nAssistant: ...", "rejected": ...}.

The prompt goes up to and including the last "\\n\\nAssistant:" that both have in common. What follows is the
completion, as it stands: an empty one is kept, and so is one that goes on with further turns.
"""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.imports.pairs import common_length, pair_of
from labeling.imports.records import Record

COLUMNS = frozenset({"chosen", "rejected"})
ASSISTANT = "\n\nAssistant:"
TURN = re.compile(r"\n\n(Human|Assistant):")
ROLES = {"Human": "user", "Assistant": "assistant"}


def parse(row: dict[str, Any]) -> Record:
    """One row.

    Raises:
        Invalid: a transcript is missing, is no transcript, or the two have no prompt in common.
    """
    chosen, rejected = (_transcript(row, name) for name in ("chosen", "rejected"))
    end = chosen[: common_length(chosen, rejected)].rfind(ASSISTANT)
    if end < 0:
        raise Invalid(
            gettext("chosen and rejected have no prompt in common: no {assistant!r} before they part").format(
                assistant=ASSISTANT
            )
        )
    start = end + len(ASSISTANT)
    return pair_of(messages_of(chosen[:end]), chosen[start:].strip(), rejected[start:].strip())


def _transcript(row: dict[str, Any], name: str) -> str:
    text = row.get(name)
    if not isinstance(text, str):
        raise Invalid(gettext("there is no text {name!r}").format(name=name))
    # Published files differ in the white space before the first turn.
    text = "\n\n" + text.lstrip()
    if not TURN.match(text):
        raise Invalid(
            gettext("{name} begins with {text!r}, not with 'Human:' or 'Assistant:'").format(name=name, text=text[2:22])
        )
    return text


def messages_of(transcript: str) -> list[dict[str, str]]:
    """The turns of a transcript."""
    parts = TURN.split(transcript)
    return [
        {"role": ROLES[role], "content": content.strip()}
        for role, content in zip(parts[1::2], parts[2::2], strict=True)
    ]
