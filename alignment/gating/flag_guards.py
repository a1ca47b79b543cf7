"""Guards by what people flag: harmful, untruthful and not following the instruction, on the pairs of the gate."""

from __future__ import annotations

from typing import Any

from alignment.gating.counting import Counted
from alignment.gating.settings import limits_of
from alignment.models import GateSettings, Promotion
from labeling.exchange import gate as exchange_gate


def flag_guards(promotion: Promotion, counted: Counted, settings: GateSettings) -> list[dict[str, Any]]:
    """What each of them found, of the same pairs that decide; as plain values.

    ``items`` are those on which the candidate alone was flagged: they show the failure, and were judged already.
    """
    from alignment.gating.guards import flags  # NumPy and SciPy, which the web process does not need

    ours, theirs = promotion.candidate.version, promotion.against.version
    limits, found = limits_of(settings), []
    for group in exchange_gate.flag_groups(promotion.project_id):
        raised = [bool(each.flags[ours] & group.codes) for each in counted.judged]
        before = [bool(each.flags[theirs] & group.codes) for each in counted.judged]
        guard = flags(
            f"flags_{group.name}",
            raised=sum(raised),
            raised_before=sum(before),
            pairs=len(raised),
            asked=bool(group.codes),
            limits=limits,
        )
        shown = [
            each.item for each, mine, other in zip(counted.judged, raised, before, strict=True) if mine and not other
        ]
        found.append({**guard.as_dict(), "items": shown[-5:] if guard.passed is False else []})
    return found
