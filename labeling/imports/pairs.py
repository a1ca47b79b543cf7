"""What preference formats share: a prompt, the chosen and the rejected completion, as texts or as messages."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.imports.records import Record, make_record

WIN = (1, 2)


def parse_pair(*, prompt: object, chosen: object, rejected: object) -> Record:
    """A record of one win, from an explicit prompt or (None) from what chosen and rejected have in common.

    Raises:
        Invalid: nothing in common, more or other than one assistant's turn to decide about, or a broken rule.
    """
    if isinstance(chosen, list) and isinstance(rejected, list):
        prompt, chosen, rejected = _from_messages(prompt, chosen, rejected)
    elif isinstance(chosen, str) and isinstance(rejected, str):
        if prompt is None:
            prompt, chosen, rejected = split_texts(chosen, rejected)
    else:
        raise Invalid(
            gettext(
                '"chosen" is {chosen} and "rejected" is {rejected}: both are texts, or both are lists of messages'
            ).format(chosen=type(chosen).__name__, rejected=type(rejected).__name__)
        )
    return pair_of(prompt, chosen, rejected)


def pair_of(prompt: object, chosen: object, rejected: object) -> Record:
    """A record of one win.

    Raises:
        Invalid: chosen is the same text as rejected, or a broken rule.
    """
    if chosen == rejected:
        raise Invalid(gettext('"chosen" and "rejected" are the same text: nothing was decided between them'))
    return make_record(prompt=prompt, completions=(chosen, rejected), ranks=WIN)


def _from_messages(prompt: object, chosen: list[Any], rejected: list[Any]) -> tuple[object, object, object]:
    shared = 0
    while shared < min(len(chosen), len(rejected)) and chosen[shared] == rejected[shared]:
        shared += 1
    # Equal last turns belong to the completions, so that the refusal speaks of equal texts.
    shared = min(shared, len(chosen) - 1, len(rejected) - 1)
    shared = max(shared, 0)
    if shared:
        prompt = _joined(prompt, chosen[:shared])
    if prompt is None:
        raise Invalid(gettext("there is no prompt: chosen and rejected have no turn in common"))
    return prompt, _only_turn("chosen", chosen[shared:]), _only_turn("rejected", rejected[shared:])


def _joined(prompt: object, common: list[Any]) -> list[Any]:
    """The turns in common, after the prompt's own where they don't begin with them."""
    if isinstance(prompt, list):
        return common if common[: len(prompt)] == prompt else [*prompt, *common]
    contents = [turn.get("content") for turn in common if isinstance(turn, dict)]
    if isinstance(prompt, str) and prompt.strip() not in [str(content).strip() for content in contents]:
        raise Invalid(gettext('"prompt" is none of the turns that chosen and rejected begin with'))
    return common


def _only_turn(name: str, turns: list[Any]) -> object:
    if len(turns) != 1 or not isinstance(turns[0], dict) or turns[0].get("role") != "assistant":
        raise Invalid(
            gettext('"{name}" has {count} turns after the prompt: one turn of the assistant is judged').format(
                name=name, count=len(turns)
            )
        )
    return turns[0].get("content")


def split_texts(chosen: str, rejected: str) -> tuple[str, str, str]:
    """Prompt and completions of two texts that begin alike, cut where they part and not before a space.

    Raises:
        Invalid: they don't begin alike.
    """
    end = common_length(chosen, rejected)
    if end and chosen[end - 1] == " ":
        end -= 1
    if not chosen[:end].strip():
        raise Invalid(gettext('there is no "prompt", and chosen and rejected don\'t begin alike'))
    return chosen[:end], chosen[end:], rejected[end:]


def common_length(first: str, second: str) -> int:
    """How many characters two texts share at their beginning."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(first), len(second)))
