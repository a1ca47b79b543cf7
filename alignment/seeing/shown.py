"""Standings as pages and the API show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from alignment.models import Standings
from alignment.seeing.leaderboard import ALL, FAIR
from labeling.exchange import seeing

MOST_ROWS = 25
"""Policies in the table of flags, beside the base and what was fine-tuned on demonstrations."""
WIDTH = 140
"""Of the drawing of an interval, in its own units."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Who wrote completions: a policy version, a person by pseudonym, or an import by the name of the model that its
    file tells, or by its source."""

    origin: str
    name: str
    version: int | None = None
    is_model: bool = False

    @property
    def title(self) -> str:
        """In words."""
        if self.version == 1:
            return gettext("version 1, the base")
        if self.version is not None:
            return gettext("version {number}").format(number=self.version)
        return self.name or gettext("import")


def writer_of(project_id: int, key: str) -> Writer:
    """From a key of labeling.selectors.standings."""
    kind, _, rest = key.partition(":")
    if kind == "policy":
        return Writer(kind, f"policy-{rest}", int(rest))
    if kind == "person":
        return Writer(kind, seeing.person_called(project_id, int(rest)))
    if kind == "model":
        return Writer("import", seeing.model_called(project_id, int(rest)), is_model=True)
    return Writer("import", rest)


@dataclass(frozen=True, slots=True)
class Drawn:
    """An interval drawn on a line of WIDTH: where it begins and ends, its estimate, and where the reference is."""

    low: float
    high: float
    middle: float
    zero: float


def shown_board(kept: Standings, *, basis: str, with_length: bool) -> dict[str, Any]:
    """One of the boards, with writers for keys."""
    board, sft = kept.leaderboard[basis]["length" if with_length else "plain"], kept.leaderboard["sft"]
    return {
        **board,
        "entries": [
            {
                **each,
                "writer": writer_of(kept.project_id, each["writer"]),
                "shares": _decided(each),
                "rates": [each["against"].get(name) for name in ("base", "sft") if name == "base" or sft],
            }
            for each in board["entries"]
        ],
        "apart": [{**each, "writer": writer_of(kept.project_id, each["writer"])} for each in board["apart"]],
        "reference": writer_of(kept.project_id, board["reference"]) if board["reference"] else None,
    }


def _decided(entry: dict[str, Any]) -> dict[str, float]:
    """Shares of what was won, tied and lost: a judgement counts as much as another, however many pairs it decides."""
    whole = sum(entry[name] for name in ("wins", "ties", "losses")) or 1.0
    return {name: entry[name] / whole for name in ("wins", "ties", "losses")}


def usual_basis(kept: Standings) -> str:
    """Fair comparisons where there are some, else all."""
    return FAIR if kept.leaderboard[FAIR]["plain"]["entries"] else ALL


def with_drawings(entries: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], Drawn]]:
    """Each entry with its interval on a common scale."""
    ends = [each[name] for each in entries for name in ("low", "high")] + [0.0]
    least, most = min(ends), max(ends)
    scale = (WIDTH - 12) / max(most - least, 1e-9)

    def at(value: float) -> float:
        return round(6.0 + float((value - least) * scale), 1)

    return [
        (each, Drawn(low=at(each["low"]), high=at(each["high"]), middle=at(each["strength"]), zero=at(0.0)))
        for each in entries
    ]


@dataclass(frozen=True, slots=True)
class FlagRow:
    """One writer's shares, in the order of the columns."""

    writer: Writer
    is_sft: bool
    judged: int
    completions: int
    prompts: int
    cells: list[dict[str, Any]]


def shown_flags(kept: Standings, *, flags: Sequence[str], most: int | None = MOST_ROWS) -> tuple[list[FlagRow], int]:
    """The base, what was fine-tuned on demonstrations, the newest versions, people and imports; and how many are left
    out."""
    sft = kept.leaderboard.get("sft")
    rows = [(writer_of(kept.project_id, each["writer"]), each) for each in kept.flags]
    first = [row for row in rows if row[0].version in (1, sft) and row[0].version is not None]
    others = sorted(
        (row for row in rows if row[0].version is not None and row not in first), key=lambda row: -(row[0].version or 0)
    )
    rest = [row for row in rows if row[0].version is None]
    shown = [*first, *others[:most], *rest]
    return [
        FlagRow(
            writer=writer,
            is_sft=writer.version is not None and writer.version == sft,
            judged=each["judged"],
            completions=each["completions"],
            prompts=each["prompts"],
            cells=[{"flag": flag, "raised": each["raised"].get(flag, 0), **_share(each, flag)} for flag in flags],
        )
        for writer, each in shown
    ], len(rows) - len(shown)


def _share(row: dict[str, Any], flag: str) -> dict[str, float | None]:
    known = row["shares"].get(flag, {"value": None, "low": None, "high": None})
    percent = None if known["value"] is None else 100 * known["value"]
    return {"share": known["value"], "low": known["low"], "high": known["high"], "percent": percent}
