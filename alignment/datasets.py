"""Exchange records to core records: the snapshot that a run is trained on, its split by prompt and its digest."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from alignment.core.records import Demonstration, Judgement, Message, Prompt, Role
from labeling import exchange

RATINGS = 7
LEAST_TRAINING = 2
"""Judgements below which there is nothing to train on."""


class TooFewJudgements(ValueError):
    """The project has too little to learn from; says how much there is and what to do."""


class SnapshotChanged(RuntimeError):
    """The judgements in the database are no longer those of the run, and the run's own copy is gone."""


@dataclass(frozen=True)
class Snapshot:
    """The judgements of a run in the order of their ids, split by prompt.

    Attributes:
        digest: SHA-256 of the canonical lines, all parts, in order.
        written: what people wrote for training prompts.
        second: what was set aside for the second reward model, and nothing else learns from.
    """

    train: tuple[Judgement, ...]
    held_out: tuple[Judgement, ...]
    digest: str
    written: tuple[Demonstration, ...] = ()
    second: tuple[Judgement, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """What is in it, for the page."""
        return {
            "judgements": len(self.train) + len(self.second) + len(self.held_out),
            "train": len(self.train),
            "held_out": len(self.held_out),
            "train_prompts": len({judgement.prompt for judgement in self.train}),
            "second": len(self.second),
            "demonstrations": len(self.written),
            "held_out_prompts": len({judgement.prompt for judgement in self.held_out}),
            "comparisons": sum(
                1 for judgement in (*self.train, *self.second, *self.held_out) for _ in judgement.comparisons()
            ),
        }


def to_prompt(messages: Iterable[tuple[str, str]]) -> Prompt:
    """A prompt as the core knows it."""
    return tuple(Message(role=cast(Role, role), content=content) for role, content in messages)


def take_snapshot(project_id: int, *, up_to: int) -> Snapshot:
    """Read the current judgements up to a label id.

    Raises:
        TooFewJudgements: fewer than two of training prompts.
    """
    return _snapshot(_lines(project_id, up_to=up_to))


def open_snapshot(project_id: int, *, up_to: int, folder: Path, digest: str = "") -> Snapshot:
    """The run's snapshot: from the copy in its folder, else from the database, which then writes the copy.

    Args:
        digest: what an earlier attempt read; empty at the first.

    Raises:
        TooFewJudgements: see take_snapshot.
        SnapshotChanged: no copy, and the database has other judgements by now.
    """
    path = folder / "snapshot.jsonl.gz"
    if digest and (kept := _read(path)) and _digest(kept) == digest:
        return _snapshot(kept)
    lines = _lines(project_id, up_to=up_to)
    snapshot = _snapshot(lines)
    if digest and snapshot.digest != digest:
        raise SnapshotChanged(
            f"the run was trained on judgements with the digest {digest[:12]}, now they are {snapshot.digest[:12]}: "
            "some were revised since, or weigh something else. Start a new run"
        )
    _write(path, lines)
    return snapshot


def set_aside(snapshot: Snapshot, *, percent: int, least: int) -> Snapshot:
    """The same with the judgements of a share of the training prompts set aside for the second reward model.

    Which prompts these are follows from their digest, with a salt, so that it has nothing to do with which are held
    out: what is set aside once is so in all snapshots. Where it would be fewer than ``least`` judgements, too few to
    learn from, nothing is; nor where fewer than two would be left to train on.
    """
    second = tuple(each for each in snapshot.train if _is_second(each.prompt, percent=percent))
    train = tuple(each for each in snapshot.train if not _is_second(each.prompt, percent=percent))
    if len(second) < least or len(train) < LEAST_TRAINING:
        return snapshot
    return replace(snapshot, train=train, second=second)


def _is_second(prompt: Prompt, *, percent: int) -> bool:
    content = _canonical({"second": [[message.role, message.content] for message in prompt]})
    return int(hashlib.sha256(content.encode()).hexdigest()[:8], 16) % 100 < percent


def demonstrations(snapshot: Snapshot) -> list[Demonstration]:
    """What people wrote, for supervised fine-tuning; where nobody wrote, what they ranked first, of tied ones all.

    A judgement in which all are tied shows nothing and gives none.
    """
    found: dict[tuple[Prompt, str], Demonstration] = {(each.prompt, each.completion): each for each in snapshot.written}
    for judgement in () if found else snapshot.train:
        if judgement.ranks is None or len(set(judgement.ranks)) == 1:
            continue
        for text, rank in zip(judgement.completions, judgement.ranks, strict=True):
            if rank == 1 and text:
                found.setdefault((judgement.prompt, text), Demonstration(judgement.prompt, text, id=judgement.id))
    return list(found.values())


def _lines(project_id: int, *, up_to: int) -> list[str]:
    weights = exchange.training_weights(project_id)
    judged = [
        _line(record, weight=weights.get(record.annotator, 1.0))
        for record in exchange.judgements(project_id, up_to=up_to)
    ]
    return judged + [_written_line(record) for record in exchange.demonstrations(project_id, up_to=up_to)]


def _line(record: exchange.JudgementRecord, *, weight: float) -> str:
    """One judgement with what a result can depend on, always written the same way.

    Only what is trained on is weighed: models of today and of last month are judged by the same held-out judgements.
    """
    content = {
        "id": record.id,
        "held_out": record.prompt.held_out,
        "prompt": [list(message) for message in record.prompt.messages],
        "completions": [completion.text for completion in record.completions],
        "ranks": record.ranks,
        "ratings": record.ratings,
        "annotator": record.annotator,
    }
    if record.best is not None:  # the lines of rankings stay what they were
        content["best"] = record.best
    if weight != 1 and not record.prompt.held_out:
        content["weight"] = abs(weight)
        if weight < 0:
            content |= _turned_around(record)
    return _canonical(content)


def _turned_around(record: exchange.JudgementRecord) -> dict[str, Any]:
    """What somebody means who says the opposite: the last is first, 7 is 1. What is worst was not said by a pick of one
    among three or more: it counts nothing.
    """
    turned: dict[str, Any] = {}
    if record.ranks is not None:
        turned["ranks"] = [max(record.ranks) + 1 - rank for rank in record.ranks]
    if record.ratings is not None:
        turned["ratings"] = [None if rating is None else RATINGS + 1 - rating for rating in record.ratings]
    if record.best is not None:
        turned |= {"best": 1 - record.best} if len(record.completions) == 2 else {"weight": 0.0}
    return turned


def _written_line(record: exchange.DemonstrationRecord) -> str:
    content = {
        "id": record.id,
        "held_out": record.prompt.held_out,
        "prompt": [list(message) for message in record.prompt.messages],
        "demonstration": record.text,
        "annotator": record.annotator,
    }
    return _canonical(content)


def _canonical(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _digest(lines: Iterable[str]) -> str:
    sha = hashlib.sha256()
    for line in lines:
        sha.update(line.encode() + b"\n")
    return sha.hexdigest()


def _snapshot(lines: Sequence[str]) -> Snapshot:
    parts: dict[bool, list[Judgement]] = {False: [], True: []}
    written: list[Demonstration] = []
    for line in lines:
        content = json.loads(line)
        if "demonstration" not in content:
            parts[content["held_out"]].append(_judgement(content))
        elif not content["held_out"]:  # nobody trains on the others, and nothing is judged by them yet
            prompt = to_prompt((role, text) for role, text in content["prompt"])
            written.append(Demonstration(prompt, content["demonstration"], id=str(content["id"])))
    if len(parts[False]) < LEAST_TRAINING:
        raise TooFewJudgements(
            f"there are {len(parts[False])} judgements of training prompts (and {len(parts[True])} of held-out ones); "
            f"a run needs {LEAST_TRAINING} or more: judge more items, or import preferences"
        )
    return Snapshot(
        train=tuple(parts[False]), held_out=tuple(parts[True]), digest=_digest(lines), written=tuple(written)
    )


def _judgement(content: dict[str, Any]) -> Judgement:
    return Judgement(
        prompt=to_prompt((role, text) for role, text in content["prompt"]),
        completions=tuple(content["completions"]),
        ranks=tuple(content["ranks"]) if content["ranks"] else None,
        ratings=tuple(content["ratings"]) if content["ratings"] else None,
        best=content.get("best"),
        weight=content.get("weight", 1.0),
        annotator=content["annotator"],
        id=str(content["id"]),
    )


def _read(path: Path) -> list[str]:
    """The lines of the copy; none when it is absent or damaged, because the database can be read instead."""
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            return [line.removesuffix("\n") for line in lines]
    except (OSError, EOFError, UnicodeDecodeError, zlib.error):
        return []


def _write(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with gzip.open(partial, "wt", encoding="utf-8", newline="\n", compresslevel=5) as target:
        target.writelines(line + "\n" for line in lines)
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    partial.replace(path)
