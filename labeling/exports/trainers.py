"""Rows as trainers read them: TRL's preference types, OpenRLHF, hh-rlhf. None of them knows ties, which are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from labeling.exports.pairs import margin_of, pairs_of
from labeling.models import Outcome
from labeling.selectors.stored import StoredJudgement

Row = dict[str, Any]
Messages = list[dict[str, str]]
SPEAKERS = {"user": "Human", "assistant": "Assistant", "system": "System"}
GOOD, BAD = 5, 3
"""Ratings from which a completion counts as desirable, and down to which as undesirable; 4 says neither."""


def _wins(judgement: StoredJudgement, counts: Counter[str]) -> Iterator[tuple[int, int]]:
    """Positions of chosen and rejected; ties are left out and counted."""
    for chosen, rejected, outcome in pairs_of(judgement, counts):
        if outcome is Outcome.TIE:
            counts["ties_left_out"] += 1
        else:
            counts["wins"] += 1
            yield chosen, rejected


def _said(text: str) -> Messages:
    return [{"role": "assistant", "content": text}]


def transcript(messages: Messages) -> str:
    """Messages as hh-rlhf writes them."""
    return "".join(f"\n\n{SPEAKERS[each['role']]}: {each['content'].strip()}" for each in messages)


def text_of(messages: Messages) -> str:
    """A prompt as one text: what the user says where nothing else is said, else the transcript."""
    if len(messages) == 1 and messages[0]["role"] == "user":
        return messages[0]["content"]
    return transcript(messages)


def conversational_rows(judgement: StoredJudgement, counts: Counter[str]) -> Iterator[Row]:
    """TRL's explicit conversational preference."""
    for chosen, rejected in _wins(judgement, counts):
        yield {
            "prompt": judgement.messages,
            "chosen": _said(judgement.texts[chosen]),
            "rejected": _said(judgement.texts[rejected]),
        }


def explicit_rows(judgement: StoredJudgement, counts: Counter[str]) -> Iterator[Row]:
    """TRL's explicit preference in texts."""
    for chosen, rejected in _wins(judgement, counts):
        yield {
            "prompt": text_of(judgement.messages),
            "chosen": judgement.texts[chosen],
            "rejected": judgement.texts[rejected],
        }


def implicit_rows(judgement: StoredJudgement, counts: Counter[str]) -> Iterator[Row]:
    """TRL's implicit conversational preference: the prompt is what both have in common."""
    for chosen, rejected in _wins(judgement, counts):
        yield {
            "chosen": [*judgement.messages, *_said(judgement.texts[chosen])],
            "rejected": [*judgement.messages, *_said(judgement.texts[rejected])],
        }


def openrlhf_rows(judgement: StoredJudgement, counts: Counter[str]) -> Iterator[Row]:
    """OpenRLHF's preference, for --apply_chat_template with --prompt_key prompt; margin 0 where nothing tells it."""
    for chosen, rejected in _wins(judgement, counts):
        yield {
            "prompt": judgement.messages,
            "chosen": _said(judgement.texts[chosen]),
            "rejected": _said(judgement.texts[rejected]),
            "margin": _margin(judgement, chosen, rejected),
        }


def _margin(judgement: StoredJudgement, chosen: int, rejected: int) -> float:
    if judgement.said is not None and "openrlhf_margin" in judgement.said:
        return float(judgement.said["openrlhf_margin"])
    return float(judgement.strength or max(margin_of(judgement, chosen, rejected) or 0, 0))


def hh_rows(judgement: StoredJudgement, counts: Counter[str]) -> Iterator[Row]:
    """hh-rlhf's transcripts. They know two speakers: prompts in which a system speaks are left out and counted."""
    if any(message["role"] == "system" for message in judgement.messages):
        counts["system_prompts_left_out"] += 1
        return
    for chosen, rejected in _wins(judgement, counts):
        texts = (judgement.texts[place].strip() for place in (chosen, rejected))
        before = f"{transcript(judgement.messages)}\n\nAssistant:"
        yield dict(zip(("chosen", "rejected"), (f"{before} {text}" for text in texts), strict=True))


def unpaired_rows(judgement: StoredJudgement, counts: Counter[str]) -> Iterator[Row]:
    """TRL's unpaired preference (KTO): what wins more often than it loses is desirable, what loses more often is not.

    Of a pick the one picked; of ratings alone 5 and more, and 3 and less.
    """
    for place, text in enumerate(judgement.texts):
        label = _desirable(judgement, place)
        if label is None:
            counts["neither_left_out"] += 1
            continue
        counts["desirable" if label else "undesirable"] += 1
        yield {"prompt": judgement.messages, "completion": _said(text), "label": label}


def _desirable(judgement: StoredJudgement, place: int) -> bool | None:
    if judgement.best is not None:
        return place == judgement.best
    if not any(judgement.ranks):
        rating = judgement.ratings[place] or 4
        return True if rating >= GOOD else False if rating <= BAD else None
    rank = judgement.ranks[place]
    others = [each for each in judgement.ranks if each is not None]
    if rank is None:
        return None
    balance = sum((each > rank) - (each < rank) for each in others)
    return balance > 0 if balance else None


ROWS: dict[str, Callable[[StoredJudgement, Counter[str]], Iterator[Row]]] = {
    "trl": conversational_rows,
    "trl_explicit": explicit_rows,
    "trl_implicit": implicit_rows,
    "trl_unpaired": unpaired_rows,
    "openrlhf": openrlhf_rows,
    "hh": hh_rows,
}
COLUMNS: dict[str, dict[str, str]] = {
    "trl": {"prompt": "messages", "chosen": "messages", "rejected": "messages"},
    "trl_explicit": {"prompt": "text", "chosen": "text", "rejected": "text"},
    "trl_implicit": {"chosen": "messages", "rejected": "messages"},
    "trl_unpaired": {"prompt": "messages", "completion": "messages", "label": "bool"},
    "openrlhf": {"prompt": "messages", "chosen": "messages", "rejected": "messages", "margin": "float"},
    "hh": {"chosen": "text", "rejected": "text"},
}
