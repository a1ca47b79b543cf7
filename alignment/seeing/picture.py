"""The loop as a picture: its six parts in a ring, what each holds, and which of them is at work now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alignment.clocks.facts import facts as facts_of
from alignment.gating.showing import num_judged
from alignment.loop import Facts, what_next
from alignment.models import OPEN_STATES, Method, Policy, Promotion, PromotionState, RewardModel, Run, RunState, Stage
from alignment.models.promotions import OPEN_PROMOTIONS
from alignment.numbers import fill
from labeling.exchange import ProjectRecord

WRITES, QUEUE, JUDGES, REWARD, TRAINING, GATE = "writes", "queue", "judges", "reward", "training", "gate"
OF_STAGE = {
    Stage.SNAPSHOT: REWARD,
    Stage.REWARD_MODEL: REWARD,
    Stage.EVALUATION: GATE,
    Stage.SAMPLING: WRITES,
}
"""Which part of the picture a run is in; every other stage is training."""
BOX = (250, 88)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the loop: what it is called, what it holds, a word beside it, and where to read more.

    ``state`` is "now" where something runs, "warn" where somebody is needed, else "idle".
    """

    code: str
    title: str
    value: str
    note: str
    state: str
    url: str


@dataclass(frozen=True, slots=True)
class Box:
    """A part where it is drawn."""

    part: Part
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The ring drawn broad, for screens, or as a column, for phones."""

    name: str
    width: int
    height: int
    boxes: list[Box]
    arrows: list[str]


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it. ``said`` is the same in words, for those who see no picture."""

    parts: list[Part]
    next: str
    facts: Facts
    running: list[Run]

    @property
    def said(self) -> str:
        """The parts in one sentence each."""
        return " ".join(f"{part.title}: {part.value}{', ' + part.note if part.note else ''}." for part in self.parts)

    @property
    def layouts(self) -> list[Layout]:
        """Both drawings; a style sheet shows one."""
        return [_broad(self.parts), _column(self.parts)]


def picture(project: ProjectRecord) -> Picture:
    """What the loop of a project does at this moment; a fixed number of queries."""
    facts = facts_of(project.id)
    running = list(
        Run.objects.filter(project=project.id, state__in=OPEN_STATES).defer("results", "config").order_by("id")[:10]
    )
    serving = Policy.objects.filter(project=project.id, is_serving=True).first()
    at_gate = (
        Promotion.objects.select_related("candidate", "against")
        .filter(project=project.id, state__in=OPEN_PROMOTIONS)
        .order_by("state", "-id")  # the one that people are asked about comes before those that wait
        .first()
    )
    model = RewardModel.objects.filter(project=project.id, is_current=True).first()
    at_work = {_part_of(run) for run in running if run.state == RunState.RUNNING}
    parts = [
        _writes(project, serving, at_work),
        _queue(project, facts),
        _judges(project, facts),
        _reward(project, model, at_work),
        _training(project, facts, running, at_work),
        _gate(project, at_gate, at_work),
    ]
    return Picture(parts=parts, next=what_next(facts), facts=facts, running=running)


def _part_of(run: Run) -> str:
    if run.method == Method.REWARD_MODEL:
        return REWARD
    return OF_STAGE.get(Stage(run.stage), TRAINING) if run.stage else REWARD


def _state(code: str, at_work: set[str], *, needs: bool = False) -> str:
    if code in at_work:
        return "now"
    return "warn" if needs else "idle"


def _writes(project: ProjectRecord, serving: Policy | None, at_work: set[str]) -> Part:
    value = _("version {number}").format(number=serving.version) if serving else _("none yet")
    url = reverse("alignment:policies", args=[project.slug])
    note = _("it serves") if serving else ""
    return Part(WRITES, _("The policy writes"), value, note, _state(WRITES, at_work), url)


def _queue(project: ProjectRecord, facts: Facts) -> Part:
    # It is counted up to a round and no further.
    more = "+" if facts.open_slots >= facts.prompts_per_round else ""
    value = ngettext("{num} judgement wanted", "{num} judgements wanted", facts.open_slots)
    needs = not facts.open_slots and facts.has_prompts
    note = _("it is empty") if not facts.open_slots else ""
    url = reverse("project", args=[project.slug])
    said = value.format(num=f"{facts.open_slots}{more}")
    return Part(QUEUE, _("The queue"), said, note, _state(QUEUE, set(), needs=needs), url)


def _judges(project: ProjectRecord, facts: Facts) -> Part:
    value = _("{new} of {wanted} new").format(new=facts.new_judgements, wanted=facts.judgements_per_refresh)
    missing = max(facts.judgements_per_refresh - facts.new_judgements, 0)
    note = _("{num} to the next refresh").format(num=missing)
    return Part(JUDGES, _("People judge"), value, note, "idle", reverse("quality", args=[project.slug]))


def _reward(project: ProjectRecord, model: RewardModel | None, at_work: set[str]) -> Part:
    url = reverse("alignment:runs", args=[project.slug])
    title = _("The reward model")
    if model is None:
        return Part(REWARD, title, _("none yet"), "", _state(REWARD, at_work), url)
    note = _("not checked yet")
    if model.accuracy is not None:
        text = _("right in {share:.0%} ({low:.0%}–{high:.0%})")
        note = fill(text, share=model.accuracy, low=model.accuracy_low, high=model.accuracy_high)
    needs = model.accuracy_low is not None and model.accuracy_low <= 0.5
    value = _("number {number}").format(number=model.number)
    return Part(REWARD, title, value, note, _state(REWARD, at_work, needs=needs), url)


def _training(project: ProjectRecord, facts: Facts, running: Sequence[Run], at_work: set[str]) -> Part:
    url = reverse("alignment:runs", args=[project.slug])
    for run in running:
        if run.method != Method.REWARD_MODEL:
            url = reverse("alignment:run", args=[project.slug, run.pk])
            value = _("run {number}").format(number=run.pk)
            note = str(run.get_stage_display() or run.get_state_display())
            return Part(TRAINING, _("A policy learns"), value, note, _state(TRAINING, at_work), url)
    note = ngettext(
        "{refreshes} of {wanted} refresh", "{refreshes} of {wanted} refreshes", facts.refreshes_per_policy
    ).format(refreshes=min(facts.refreshes, facts.refreshes_per_policy), wanted=facts.refreshes_per_policy)
    return Part(TRAINING, _("A policy learns"), _("waits"), note, "idle", url)


def _gate(project: ProjectRecord, at_gate: Promotion | None, at_work: set[str]) -> Part:
    url = reverse("alignment:gate", args=[project.slug])
    if at_gate is None:
        return Part(GATE, _("The gate"), _("nobody waits"), "", _state(GATE, at_work), url)
    value = _("version {version} against {against}").format(
        version=at_gate.candidate.version, against=at_gate.against.version
    )
    note = str(at_gate.get_state_display())
    if at_gate.state == PromotionState.ASKING:
        note = _("{judged} of at most {most} pairs").format(
            judged=num_judged(at_gate.evidence), most=at_gate.most_pairs
        )
    return Part(GATE, _("The gate"), value, note, _state(GATE, at_work, needs=bool(at_gate.error)), url)


def _broad(parts: Sequence[Part]) -> Layout:
    """Three above from left to right, three below from right to left."""
    places = [(6, 6), (325, 6), (644, 6), (644, 146), (325, 146), (6, 146)]
    arrows = [
        "M256 50 H321",
        "M575 50 H640",
        "M769 94 V142",
        "M644 190 H579",
        "M325 190 H260",
        "M131 146 V98",
    ]
    return Layout("broad", 900, 240, [Box(part, *at) for part, at in zip(parts, places, strict=True)], arrows)


def _column(parts: Sequence[Part]) -> Layout:
    """One below the other, and a way back on the right."""
    boxes = [Box(part, 6, 6 + 112 * at) for at, part in enumerate(parts)]
    arrows = [f"M131 {94 + 112 * at} V{114 + 112 * at}" for at in range(len(parts) - 1)]
    arrows.append("M256 610 H284 V50 H260")
    return Layout("column", 300, 660, boxes, arrows)
