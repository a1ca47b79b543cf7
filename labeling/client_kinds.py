"""The Python client for conversations and blind evaluations; it needs client.py and nothing else.

client = KindsClient.login("http://localhost:8000", "annotator1", password)
talk = client.conversation(client.next("demo").assignment)
ranks = {completion.id: place for place, completion in enumerate(talk.sheet.completions, start=1)}
talk = client.judge_turn(talk, ranks=ranks, best=talk.sheet.completions[0].id)
talk = client.wait(client.say(talk, "And then?"))
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

from labeling.client import Client, Sheet, _sheet

LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Talk:
    """Where a conversation stands: the sheet holds what was said and the completions to rank.

    ``step`` is say (as the user), wait (for the policy), rank, write (the completion yourself) or end; and revise, of a
    turn of a conversation that is over, which ``carried`` on.
    """

    sheet: Sheet
    step: str
    turn: int
    turns: int
    judged: int
    topic: str
    error: str
    may_finish: bool
    carried: str
    revisable: Sequence[int]


class KindsClient(Client):
    """The client with what conversations and blind evaluations need."""

    def conversation(self, assignment: int) -> Talk:
        """Where your conversation stands."""
        return _talk(self._send("GET", f"assignments/{assignment}/conversation/"))

    def say(self, talk: Talk, text: str = "", *, client_id: UUID | None = None) -> Talk:
        """Say something as the user; without a text where the prompt is what is said first. Said once, however often
        the connection breaks; give the client id of an earlier try to repeat that.
        """
        return self._step(talk, "say", {"client_id": str(client_id or uuid4()), "text": text})

    def wait(self, talk: Talk, *, seconds: float = 60.0) -> Talk:
        """Look until the policy has written, the server says why it has not, or the time is over."""
        until = time.monotonic() + seconds
        while talk.step == "wait" and not talk.error and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
            talk = self.conversation(talk.sheet.assignment)
        return talk

    def ask_again(self, talk: Talk) -> Talk:
        """Ask once more for what has not come; nothing is doubled."""
        return self._step(talk, "ask-again", {})

    def judge_turn(self, talk: Talk, *, client_id: UUID | None = None, **judgement: Any) -> Talk:
        """Judge the open turn, once.

        Args:
            judgement: ranks of all completions by id (1 best, ties share one); best (the id of the one that carries on,
                ranked first) or text (your own, which ranks above all) with suggestion (the id it was edited from);
                flags by completion id, notes, seconds.
        """
        return self._step(talk, "judge-turn", {"client_id": str(client_id or uuid4()), **judgement})

    def finish(self, talk: Talk) -> None:
        """End the conversation; ``next`` brings another item."""
        self._send("POST", f"assignments/{talk.sheet.assignment}/finish/")

    def judged_turn(self, assignment: int, turn: int) -> Talk:
        """A turn that you judged in a conversation that is over, your judgement as the draft of its sheet."""
        return _talk(self._send("GET", f"assignments/{assignment}/turns/{turn}/"))

    def revise_turn(
        self, assignment: int, turn: int, *, client_id: UUID | None = None, **judgement: Any
    ) -> dict[str, Any]:
        """Replace the ranks, flags and notes of a turn; what carried it on stays, and the old judgement is kept."""
        given = {name: dict(value) if isinstance(value, Mapping) else value for name, value in judgement.items()}
        body = {"client_id": str(client_id or uuid4()), **given}
        answer: dict[str, Any] = self._send("POST", f"assignments/{assignment}/turns/{turn}/revise/", body)
        return answer

    def evaluations(self, slug: str) -> list[dict[str, Any]]:
        """The newest blind evaluations of policy versions with what people said so far; for admins and researchers."""
        found: list[dict[str, Any]] = self._send("GET", f"projects/{quote(slug)}/evaluations/")["results"]
        return found

    def start_evaluation(
        self, slug: str, *, version: int, against: int, num_prompts: int, **options: Any
    ) -> dict[str, Any]:
        """Have annotators compare two versions blindly on held-out prompts; options: overlap."""
        body = {"version": version, "against": against, "num_prompts": num_prompts, **options}
        return self._send("POST", f"projects/{quote(slug)}/evaluations/", body, repeatable=False)

    def _step(self, talk: Talk, action: str, body: Mapping[str, Any]) -> Talk:
        given = {name: dict(value) if isinstance(value, Mapping) else value for name, value in body.items()}
        address = f"assignments/{talk.sheet.assignment}/{action}/"
        return _talk(self._send("POST", address, {"turn": talk.turn, **given}))


def _talk(body: Mapping[str, Any]) -> Talk:
    return Talk(sheet=_sheet(body), **body["conversation"])
