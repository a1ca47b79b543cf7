"""What a row of the export's view "conversations" says of its conversation."""

from __future__ import annotations

from dataclasses import dataclass

from labeling.services.texts import Messages


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation that was held elsewhere; ``prompt_key`` is what its prompt was called there.

    ``messages`` are all that was said and carried on, ``rankings`` the ids of the judgements of its turns.
    """

    key: str
    prompt_key: str
    topic: str
    messages: Messages
    turns: int
    rankings: tuple[str, ...]
    is_finished: bool | None
    annotator: str
