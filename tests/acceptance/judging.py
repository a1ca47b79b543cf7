"""A client that knows nothing but the HTTP API."""

from __future__ import annotations

import random
import uuid
from typing import Any

import httpx


def verdict_on(sheet: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """A verdict that prefers longer completions, with a tie now and then."""
    by_length = sorted(sheet["completions"], key=lambda completion: -len(completion["text"]))
    ranks: dict[str, int] = {}
    rank = 0
    for completion in by_length:
        if not ranks or chance.random() < 0.8:
            rank += 1
        ranks[str(completion["id"])] = rank
    return {
        "client_id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        "ratings": {key: max(1, 7 - value) for key, value in ranks.items()},
        "flags": {str(by_length[-1]["id"]): ["fails_task"]},
        "ranks": ranks,
        "notes": "",
        "seconds": 12.5,
    }


def judge(client: httpx.Client, *, project: str, count: int, chance: random.Random) -> list[int]:
    """Judge up to ``count`` items; returns the ids of the labels that the server acknowledged."""
    labels = []
    for _ in range(count):
        answer = client.post(f"/projects/{project}/next/")
        if answer.status_code == 204:
            break
        assert answer.status_code == 200, answer.text
        sheet = answer.json()
        submitted = client.post(f"/assignments/{sheet['assignment']}/submit/", json=verdict_on(sheet, chance))
        assert submitted.status_code in {200, 201}, submitted.text
        labels.append(submitted.json()["label"])
    return labels
