"""What people said of a candidate so far: read from the judgements, never from what was counted before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alignment.core.statistics.e_process import Evidence
from alignment.models import GatePair, Promotion
from labeling.exchange import gate as exchange_gate


@dataclass(frozen=True, slots=True)
class Counted:
    """The evidence of a promotion, before it or, while it is watched, after it.

    Attributes:
        evidence: wins are the candidate's. A pair for which both wrote the same is a tie.
        same: of the ties, pairs for which both wrote the same text; nobody is asked about them.
        asked: pairs that were made for it, those that nobody is asked about among them.
        open: pairs in the queue that nobody judged yet.
        from_random: of what was judged, how many items of the share that is chosen at random.
        judged: the judgements, in their order.
    """

    evidence: Evidence
    same: int
    asked: int
    open: int
    from_random: int
    judged: tuple[exchange_gate.JudgedPair, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        found = self.evidence
        return {
            "wins": found.wins,
            "losses": found.losses,
            "ties": found.ties,
            "same": self.same,
            "log_e": found.log_e,
            "log_e_against": found.log_e_against,
            "asked": self.asked,
            "open": self.open,
            "from_random": self.from_random,
        }


def count(promotion: Promotion, *, is_watch: bool) -> Counted:
    """Read what was judged of a promotion's pairs and, of the random share, of younger items with both versions."""
    rows = GatePair.objects.filter(promotion=promotion, is_watch=is_watch).values_list("item", "is_same")
    pairs = dict(rows)
    asked = [item for item, is_same in pairs.items() if not is_same]
    versions = (promotion.candidate.version, promotion.against.version)
    after = promotion.watched["began_item"] if is_watch else promotion.began_item
    judged = exchange_gate.judged_pairs(project_id=promotion.project_id, items=asked, versions=versions, after=after)
    outcomes = [each.outcome(*versions) for each in judged]
    same = len(pairs) - len(asked)
    return Counted(
        evidence=Evidence(
            wins=sum(each > 0 for each in outcomes),
            losses=sum(each < 0 for each in outcomes),
            ties=sum(each == 0 for each in outcomes) + same,
        ),
        same=same,
        asked=len(pairs),
        open=exchange_gate.open_pairs(asked),
        from_random=sum(each.item not in pairs for each in judged),
        judged=tuple(judged),
    )
