"""A simulated annotator's opinion as an answer to what an item asks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache

from labeling.demo import read_corpus
from labeling.models import Kind
from labeling.services.verdicts import Verdict
from labeling.simulation.annotators import Opinion

NOTHING_TO_SAY = "I do not know enough about this to help you."


def answer(
    kind: str, texts: Mapping[int, str], opinion: Opinion, *, messages: Sequence[Mapping[str, str]], seconds: float
) -> Verdict:
    """What an annotator with this opinion submits.

    Args:
        texts: the completions by id, in the order of the opinion.
    """
    ranks = dict(zip(texts, opinion.ranks, strict=True))
    ratings = dict(zip(texts, opinion.ratings, strict=True))
    flags = {pk: list(raised) for pk, raised in zip(texts, opinion.flags, strict=True) if raised}
    first = min(ranks, key=lambda pk: (ranks[pk], pk), default=None)
    match kind:
        case Kind.RATING:
            return Verdict(ratings=ratings, flags=flags, seconds=seconds)
        case Kind.BEST:
            return Verdict(best=first, flags=flags, seconds=seconds)
        case Kind.PAIR:
            return Verdict(ranks=ranks, strength=strength(ranks, ratings), flags=flags, seconds=seconds)
        case Kind.DEMONSTRATION:
            known = _known(messages)
            suggestion = None if known else first
            return Verdict(
                text=known or texts.get(suggestion or 0) or NOTHING_TO_SAY, suggestion=suggestion, seconds=seconds
            )
    return Verdict(ratings=ratings, ranks=ranks, flags=flags, seconds=seconds)


def written_for(messages: Sequence[Mapping[str, str]]) -> str:
    """What an annotator writes for a prompt: the corpus's best completion, or that there is nothing to say."""
    return _known(messages) or NOTHING_TO_SAY


def _known(messages: Sequence[Mapping[str, str]]) -> str | None:
    return _corpus().get(json.dumps(list(messages), sort_keys=True))


def strength(ranks: Mapping[int, int], ratings: Mapping[int, int]) -> int | None:
    """How much better the winner of a pair is: 1 up to a rating apart, 2 up to three, 3 beyond; None for a tie."""
    if len(set(ranks.values())) == 1:
        return None
    apart = max(ratings.values()) - min(ratings.values())
    return 1 if apart <= 1 else 2 if apart <= 3 else 3


@cache
def _corpus() -> dict[str, str]:
    """The best completion that the corpus has for each of its prompts."""
    return {
        json.dumps(row.messages, sort_keys=True): max(row.completions, key=lambda each: each.quality).text
        for row in read_corpus()
        if row.completions
    }
