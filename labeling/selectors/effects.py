"""What a change of settings does to what is under way: said before it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models.functions import Now
from django.utils.translation import gettext, ngettext

from labeling.models import Kind, Membership, Project, Purpose, Slot
from labeling.rows import fetch_one
from labeling.selectors import sharing


@dataclass(frozen=True, slots=True)
class OpenItems:
    """The items that still want judgements, and what giving them another overlap would change."""

    items: int
    lowest: int
    highest: int
    more: int
    fewer: int
    kept: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What changing one setting does. ``choice`` is what may be done beside it, if anything."""

    setting: str
    before: Any
    after: Any
    text: str
    choice: str = ""


def open_items(project: Project, *, overlap: int) -> OpenItems:
    """Count them; what blind evaluations and known answers ask for is not among them."""
    row = fetch_one(OPEN_ITEMS, _of_open_items(project, overlap))
    assert row is not None  # an aggregate has a row
    return OpenItems(*row)


def _of_open_items(project: Project, overlap: int) -> dict[str, Any]:
    return {
        **sharing.parameters(project, overlap=overlap),
        "project": project.pk,
        "purpose": Purpose.TRAINING.value,
    }


# What was judged or is held is never taken away.
OPEN_ITEMS = f"""
SELECT count(*), coalesce(min(overlap), 0), coalesce(max(overlap), 0),
    coalesce(sum(greatest(target - overlap, 0)), 0)::bigint,
    coalesce(sum(greatest(overlap - greatest(target, taken), 0)), 0)::bigint,
    count(*) FILTER (WHERE overlap > target AND taken > target)
FROM (
    SELECT item.overlap, {sharing.TARGET} AS target, item.num_judgements + held.number AS taken
    FROM labeling_item item
    JOIN labeling_prompt prompt ON prompt.id = item.prompt_id AND NOT prompt.is_archived
    CROSS JOIN LATERAL (
        SELECT count(*) AS open, count(*) FILTER (WHERE slot.leased_until > statement_timestamp()) AS number
        FROM labeling_slot slot WHERE slot.item_id = item.id AND NOT slot.is_done
    ) held
    WHERE item.project_id = %(project)s AND item.purpose = %(purpose)s AND item.num_judgements < item.overlap
        AND held.open > 0
) items
"""


def num_held(project: Project) -> int:
    """How many items people hold at this moment."""
    row = fetch_one(HELD, {"project": project.pk})
    assert row is not None
    return int(row[0])


HELD = """
SELECT count(*) FROM labeling_slot
WHERE project_id = %(project)s AND NOT is_done AND leased_until > statement_timestamp()
"""
PROMPTS = "SELECT count(*), count(*) FILTER (WHERE held_out) FROM labeling_prompt WHERE project_id = %(project)s"


def effects_of(project: Project, changes: Mapping[str, Any]) -> list[Effect]:
    """What each setting that changes does to open items and to people at work; others are left out."""
    changed = {name: value for name, value in changes.items() if name in EXPLAINED and value != getattr(project, name)}
    effects = [
        Effect(name, getattr(project, name), value, *_told(EXPLAINED[name](project, value)))
        for name, value in changed.items()
    ]
    return [effect for effect in effects if effect.text]


def _told(said: str | tuple[str, str]) -> tuple[str, str]:
    return (said, "") if isinstance(said, str) else said


def _overlap(project: Project, after: int) -> str | tuple[str, str]:
    found = open_items(project, overlap=after)
    if not found.items:
        return gettext("No item is open; new ones get {after}.").format(after=after)
    now = str(found.lowest) if found.lowest == found.highest else f"{found.lowest}–{found.highest}"
    text = ngettext(
        "{count} open item keeps the overlap {now}; new ones get {after}.",
        "{count} open items keep the overlap {now}; new ones get {after}.",
        found.items,
    ).format(count=found.items, now=now, after=after)
    choice = [gettext("Give open items the overlap {after}, too.").format(after=after)]
    if found.more:
        more = ngettext("{count} more judgement is asked for.", "{count} more judgements are asked for.", found.more)
        choice.append(more.format(count=found.more))
    if found.fewer:
        fewer = ngettext(
            "{count} judgement fewer is asked for.", "{count} judgements fewer are asked for.", found.fewer
        )
        choice.append(fewer.format(count=found.fewer))
    if found.kept:
        kept = ngettext(
            "{count} item keeps more, because so many people judged it or have it open.",
            "{count} items keep more, because so many people judged them or have them open.",
            found.kept,
        )
        choice.append(kept.format(count=found.kept))
    return text, " ".join(choice)


def _completions(project: Project, after: int) -> str:
    count = open_items(project, overlap=project.overlap).items
    return ngettext(
        "{count} open item keeps its completions; from now on {after} are written for each.",
        "{count} open items keep their completions; from now on {after} are written for each.",
        count,
    ).format(count=count, after=after)


def _kinds(project: Project, after: list[str]) -> str:
    count = open_items(project, overlap=project.overlap).items
    names = "; ".join(str(Kind(kind).label) for kind in after)
    return ngettext(
        "{count} open item keeps its kind; new ones ask: {names}.",
        "{count} open items keep their kind; new ones ask: {names}.",
        count,
    ).format(count=count, names=names)


def _lease(project: Project, after: int) -> str:
    held = num_held(project)
    return ngettext(
        "{count} item is held now: its lease ends as it would have, and is renewed for {after} minutes.",
        "{count} items are held now: their leases end as they would have, and are renewed for {after} minutes.",
        held,
    ).format(count=held, after=after)


def _held_out(project: Project, after: int) -> str:
    row = fetch_one(PROMPTS, {"project": project.pk})
    assert row is not None
    return ngettext(
        "{held} of {count} prompt is held out, and it stays on its side: a prompt that was trained on can't become "
        "held out. Of prompts that come from now on {after} % are held out.",
        "{held} of {count} prompts are held out, and all stay on their side: a prompt that was trained on can't become "
        "held out. Of prompts that come from now on {after} % are held out.",
        row[0],
    ).format(count=row[0], held=row[1], after=after)


def _flags(project: Project, after: list[str]) -> str:
    text = gettext("Judgements made so far keep their flags; pages opened from now on ask about the new list.")
    if not set(project.flags) - set(after):
        return text
    held = num_held(project)
    return f"{text} " + ngettext(
        "{count} item is held now: if a flag is raised there that was taken off, the page has to be loaded again.",
        "{count} items are held now: if a flag is raised there that was taken off, the page has to be loaded again.",
        held,
    ).format(count=held)


def _own_flags(project: Project, after: list[dict[str, Any]]) -> str:
    now = {own.get("code"): own for own in after}
    changed = [own for own in project.own_flags if now.get(own["code"], own) != own]
    if not changed:
        return ""
    text = gettext(
        "Pages opened from now on show them so. Judgements made so far keep the codes and are read with the new labels."
    )
    if any(now[own["code"]].get("is_harmful") != own["is_harmful"] for own in changed):
        text += " " + gettext("What is harmful counts from now on: judgements made so far are not asked about again.")
    return text


def _conversations(project: Project, after: Any) -> str:
    return gettext("Conversations that have begun go on by the new setting from their next step.")


def _paused(project: Project, after: bool) -> str:
    if not after:
        return gettext("Items are handed out again at once.")
    held = num_held(project)
    return ngettext(
        "{count} item is held now and can be finished; no other is handed out.",
        "{count} items are held now and can be finished; no others are handed out.",
        held,
    ).format(count=held)


def _second_factor(project: Project, after: list[str]) -> str:
    now = sorted(set(after) - set(project.second_factor_roles))
    if not now:
        return gettext("From now on a password is enough for the roles that are taken off.")
    members = Membership.objects.filter(project=project, is_active=True, role__in=now)
    without = members.exclude(user__second_factor__confirmed__isnull=False)
    first = ngettext(
        "{count} member of these roles has no second factor: they are led to set one up at their next step.",
        "{count} members of these roles have no second factor: they are led to set one up at their next step.",
        without.count(),
    )
    held = Slot.objects.filter(
        project=project, is_done=False, leased_until__gt=Now(), assignment__annotator__in=without.values("user")
    )
    second = ngettext(
        "{held} item that they hold can be finished. Their tokens are refused until then.",
        "{held} items that they hold can be finished. Their tokens are refused until then.",
        number := held.count(),
    )
    return f"{first} {second}".format(count=without.count(), held=number)


EXPLAINED: dict[str, Any] = {
    "overlap": _overlap,
    "completions_per_item": _completions,
    "kinds": _kinds,
    "lease_minutes": _lease,
    "held_out_percent": _held_out,
    "flags": _flags,
    "own_flags": _own_flags,
    "conversation_turns": _conversations,
    "conversation_sides": _conversations,
    "conversation_opening": _conversations,
    "second_factor_roles": _second_factor,
    "is_paused": _paused,
}
