"""The labels that a selection means, as a condition of SQL on ``label``, ``item`` and ``prompt``."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.models import Membership, Project, Snapshot
from labeling.selectors.labels import pseudonym
from labeling.selectors.selection import Selection, Superseded

FROM = """
FROM labeling_label label
JOIN labeling_item item ON item.id = label.item_id
JOIN labeling_prompt prompt ON prompt.id = item.prompt_id
"""

# A revision that came after the last label taken had not happened yet: the same labels again, whatever follows.
_REPLACED = "coalesce({name}.superseded_by_id <= %(up_to)s, false)"

_AGREEMENT = """(
    SELECT avg(said.same::int) FROM (
        SELECT theirs.outcome = mine.outcome AND (mine.outcome = 'tie' OR theirs.chosen_id = mine.chosen_id) AS same
        FROM labeling_label other
        JOIN labeling_comparison theirs ON theirs.label_id = other.id
        JOIN labeling_comparison mine ON mine.label_id = label.id
            AND least(mine.chosen_id, mine.rejected_id) = least(theirs.chosen_id, theirs.rejected_id)
            AND greatest(mine.chosen_id, mine.rejected_id) = greatest(theirs.chosen_id, theirs.rejected_id)
        WHERE {others}
        UNION ALL
        SELECT other.best_id = label.best_id FROM labeling_label other
        WHERE other.best_id IS NOT NULL AND label.best_id IS NOT NULL AND {others}
        UNION ALL
        SELECT theirs.value = mine.value
        FROM labeling_label other
        JOIN labeling_rating theirs ON theirs.label_id = other.id
        JOIN labeling_rating mine ON mine.label_id = label.id AND mine.completion_id = theirs.completion_id
        WHERE label.kind = 'rating' AND other.kind = 'rating' AND {others}
    ) said
) >= %(agreement)s""".format(
    others=f"""other.item_id = label.item_id AND other.id <> label.id AND other.id <= %(up_to)s
            AND NOT {_REPLACED.format(name="other")}
            AND (other.annotator_id IS NULL OR other.annotator_id IS DISTINCT FROM label.annotator_id)"""
)

_CONDITIONS = {
    "kinds": "label.kind = ANY(%(kinds)s)",
    "since": "label.created >= %(since)s",
    "until": "label.created < %(until)s",
    "annotators": "label.annotator_id = ANY(%(annotators)s)",
    "groups": """EXISTS (
        SELECT 1 FROM labeling_membership member JOIN labeling_group grp ON grp.id = member.group_id
        WHERE member.project_id = label.project_id AND member.user_id = label.annotator_id
            AND grp.name = ANY(%(groups)s)
    )""",
    "agreement": _AGREEMENT,
    "tags": """EXISTS (
        SELECT 1 FROM labeling_prompttag tagged JOIN labeling_tag tag ON tag.id = tagged.tag_id
        WHERE tagged.prompt_id = prompt.id AND tag.name = ANY(%(tags)s)
    )""",
    "policies": """EXISTS (
        SELECT 1 FROM labeling_itemcompletion entry JOIN labeling_completion written ON written.id = entry.completion_id
        WHERE entry.item_id = label.item_id AND written.policy_version = ANY(%(policies)s)
    )""",
    "held_out": "prompt.held_out = %(held_out)s",
    "sources": "label.source = ANY(%(sources)s)",
    "extra": "label.is_extra = %(extra)s",
}


def condition(
    project: Project | int, selection: Selection, *, up_to: int, snapshot: Snapshot | None = None
) -> tuple[str, dict[str, Any]]:
    """The condition and its parameters; ``label.id`` up to ``up_to`` is part of it.

    Args:
        snapshot: its labels, whatever the selection says; it was chosen by one when it was made.

    Raises:
        Invalid: a pseudonym that nobody in the project has.
    """
    project_id = project.pk if isinstance(project, Project) else project
    parameters: dict[str, Any] = {"project": project_id, "up_to": up_to}
    parts = ["label.project_id = %(project)s", "label.id <= %(up_to)s"]
    if snapshot is not None:
        parts.append(
            "EXISTS (SELECT 1 FROM labeling_snapshotlabel kept WHERE kept.snapshot_id = %(snapshot)s"
            " AND kept.label_id = label.id)"
        )
        return " AND ".join(parts), {**parameters, "snapshot": snapshot.pk}
    given = selection.to_dict()
    for name, sql in _CONDITIONS.items():
        if name in given:
            parts.append(sql)
            parameters[name] = getattr(selection, name)
            if isinstance(parameters[name], tuple):
                parameters[name] = list(parameters[name])
    if selection.annotators:
        parameters["annotators"] = _people(project_id, selection.annotators)
    if selection.superseded == Superseded.WITHOUT:
        parts.append(f"NOT {_REPLACED.format(name='label')}")
    elif selection.superseded == Superseded.ONLY:
        parts.append(_REPLACED.format(name="label"))
    return " AND ".join(parts), parameters


def _people(project_id: int, names: tuple[str, ...]) -> list[int]:
    """The annotators that pseudonyms stand for."""
    known = {
        pseudonym(project_id, user): user
        for user in Membership.objects.filter(project=project_id).values_list("user_id", flat=True)
    }
    if unknown := sorted(set(names) - known.keys()):
        raise Invalid(
            gettext("nobody in this project is {name!r}: exports name annotators as annotator-0123456789").format(
                name=unknown[0][:80]
            )
        )
    return [known[name] for name in names]
