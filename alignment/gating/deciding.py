"""The gate's decisions, on the worker, at each judgement. Cheap where nothing is at the gate; idempotent always.

Who comes first: one candidate is asked about at a time. A newer one waits, of several the newest alone. It takes the
place of the one before it as soon as that one had half of its pairs and is not ahead, can't be asked about, or is held
though it was shown to be better. So each candidate has half of its pairs at least, and none waits for longer than the
pairs of one.

How pairs share the queue: they are put to its front in small portions, and another portion follows when as many other
judgements were made as the settings leave to learning; or at once when nothing else is in the queue.
"""

from __future__ import annotations

from django.db import transaction

from alignment import jobs
from alignment.core.statistics.e_process import Decision, decide, threshold
from alignment.gating import records
from alignment.gating.counting import Counted, count
from alignment.gating.flag_guards import flag_guards
from alignment.gating.limits import FRONT
from alignment.gating.settings import gate_settings
from alignment.models import Cause, GateSettings, Promotion, PromotionState
from alignment.promotion import promote
from alignment.selectors import loop_settings
from labeling import exchange
from labeling.exchange import gate as exchange_gate

PORTION = 6
"""Pairs that are written and put into the queue together."""


def look(project_id: int, *, again: bool = False) -> None:
    """Decide what can be decided in a project, and have people asked for what can't.

    Two workers that look at once do it one after the other, and the second one finds it done.

    Args:
        again: whether to try once more where nobody could be asked.
    """
    if not Promotion.objects.filter(project=project_id, state__in=(*records.OPEN, PromotionState.PROMOTED)).exists():
        return
    with transaction.atomic():
        records.lock(project_id)
        settings = gate_settings(project_id)
        found = records.asking(project_id)
        if found is None:
            found = next_one(project_id)
        if found is not None:
            _look_at(found, settings, again=again)
        served = records.watched(project_id)
        if served is not None and settings.watch_pairs:
            _watch(served, settings, again=again)


def next_one(project_id: int) -> Promotion | None:
    """Let the newest candidate that waits be asked about; older ones are superseded. Part of a locked transaction."""
    newest = records.newest_waiting(project_id)
    if newest is None:
        return None
    waiting = Promotion.objects.filter(project=project_id, state=PromotionState.WAITING)
    for older in waiting.exclude(pk=newest.pk).select_related("candidate", "against"):
        records.close(older, state=PromotionState.SUPERSEDED, cause=Cause.NEWER)
    records.begin(newest)
    return newest


def _look_at(promotion: Promotion, settings: GateSettings, *, again: bool) -> None:
    counted = count(promotion, is_watch=False)
    decision = decide(counted.evidence, alpha=promotion.alpha, most=promotion.most_pairs)
    held: list[str] = []
    # To have been proof once is enough; only a proof of the contrary takes it back while the promotion is held.
    if decision == Decision.PROMOTE or (promotion.evidence.get("held") and decision != Decision.REJECT):
        refused, held = _guarded(promotion, counted, settings)
        if refused:
            _ask_again(promotion)
            _end(promotion, counted, PromotionState.REJECTED, Cause.GUARD)
            return
        if not held:
            _keep(promotion, counted, held)
            promote(policy_id=promotion.candidate_id, cause=Cause.PROOF)
            return
    elif decision in (Decision.REJECT, Decision.FUTILE):
        cause = Cause.WORSE if decision == Decision.REJECT else Cause.FUTILE
        _end(promotion, counted, PromotionState.REJECTED, cause)
        return
    if _gives_way(promotion, counted, held):
        _end(promotion, counted, PromotionState.SUPERSEDED, Cause.NEWER)
        return
    _keep(promotion, counted, held)
    if not held and (again or not promotion.error):
        _ask_more(promotion, counted, settings.share, promotion.began, promotion.most_pairs, is_watch=False)


def _guarded(promotion: Promotion, counted: Counted, settings: GateSettings) -> tuple[bool, list[str]]:
    """Whether a guard refuses a candidate that people prefer, and what holds it: guards that can't say, or an admin."""
    others = [found for found in promotion.guards if not found["name"].startswith("flags")]
    promotion.guards = others + flag_guards(promotion, counted, settings)
    refused = any(found["passed"] is False for found in promotion.guards)
    held = [found["name"] for found in promotion.guards if found["holds"]] if settings.hold_unknown else []
    loop = loop_settings(promotion.project_id)
    if not (loop.enabled and loop.promotion_enabled):
        held.append("by_hand")
    return refused, held


def _ask_again(promotion: Promotion) -> None:
    """Put what showed that flags are raised more often to the front of the queue, as what other guards found."""
    shown = {item for found in promotion.guards if found["passed"] is False for item in found.get("items", ())}
    exchange_gate.ask_again(
        project_id=promotion.project_id, items=shown, policy_version=promotion.candidate.version, priority=FRONT
    )


def _gives_way(promotion: Promotion, counted: Counted, held: list[str]) -> bool:
    newest = records.newest_waiting(promotion.project_id)
    if newest is None or newest.candidate.version < promotion.candidate.version:
        return False
    behind = counted.evidence.judged * 2 >= promotion.most_pairs and counted.evidence.log_e <= 0
    return behind or bool(held) or bool(promotion.error)


def _end(promotion: Promotion, counted: Counted, state: PromotionState, cause: Cause) -> None:
    _keep(promotion, counted, [])
    records.close(promotion, state=state, cause=cause)
    exchange.record_change(
        project_id=promotion.project_id,
        actor_id=None,
        action="policy.rejected" if state == PromotionState.REJECTED else "policy.superseded",
        after={"version": promotion.candidate.version, "cause": str(cause)},
    )
    next_one(promotion.project_id)


def _keep(promotion: Promotion, counted: Counted, held: list[str]) -> None:
    """What was counted, for pages; told of when it is news."""
    evidence = {**counted.as_dict(), "held": held}
    if promotion.evidence != evidence:
        promotion.evidence = evidence
        promotion.save(update_fields=["evidence", "guards"])
        records.tell(promotion)


def _watch(promotion: Promotion, settings: GateSettings, *, again: bool) -> None:
    """Compare what serves with what served before it, and put that back when people prefer it."""
    counted = count(promotion, is_watch=True)
    began = {name: promotion.watched[name] for name in ("began", "began_item")}
    watched = {**began, **counted.as_dict()}
    if promotion.watched != watched:
        promotion.watched = watched
        promotion.save(update_fields=["watched"])
        records.tell(promotion)
    by_itself = loop_settings(promotion.project_id).enabled
    if by_itself and counted.evidence.log_e_against >= threshold(promotion.alpha):
        promote(policy_id=promotion.against_id, cause=Cause.WATCH)
    elif counted.evidence.judged < settings.watch_pairs and (again or not promotion.error):
        _ask_more(promotion, counted, settings.watch_share, began["began"], settings.watch_pairs, is_watch=True)


def _ask_more(promotion: Promotion, counted: Counted, share: float, began: int, most: int, *, is_watch: bool) -> None:
    """Have the worker write another portion when it is their turn.

    Of n other judgements since asking began, share / (1 - share) times as many may be the gate's. A candidate has a
    first portion at once; what serves already is watched when the judgements for it have come in.
    """
    if counted.open * 2 > PORTION or counted.asked >= most or not loop_settings(promotion.project_id).enabled:
        return
    others = exchange.count_judgements_after(promotion.project_id, began, at_most=round(most / share) + 1)
    allowed = others * share / (1 - share) + (0 if is_watch else PORTION)
    nothing_else = exchange.count_open_slots(promotion.project_id, at_most=counted.open + 1) <= counted.open
    if counted.asked < allowed or (nothing_else and not is_watch):
        jobs.defer(
            jobs.ASK_PAIRS,
            once=f"pairs:{promotion.pk}:{is_watch:d}",
            promotion_id=promotion.pk,
            is_watch=is_watch,
        )
