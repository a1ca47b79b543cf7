"""Which conversations from elsewhere a selection means: they have no labels here that filters could look at."""

from __future__ import annotations

from typing import Any

from labeling.models import Kind, Project, Snapshot, Source
from labeling.selectors.selection import Selection, Superseded

TALKS = "FROM labeling_importedconversation talk JOIN labeling_prompt prompt ON prompt.id = talk.prompt_id"
_TAGGED = """EXISTS (
    SELECT 1 FROM labeling_prompttag tagged JOIN labeling_tag tag ON tag.id = tagged.tag_id
    WHERE tagged.prompt_id = prompt.id AND tag.name = ANY(%(tags)s)
)"""


def held_elsewhere(
    project: Project | int, selection: Selection, *, up_to: int, snapshot: Snapshot | None = None
) -> tuple[str, dict[str, Any]] | None:
    """A condition of SQL on ``talk`` and ``prompt``, and its parameters; None when the filters leave none.

    Filters for people, groups, agreement and policies leave none: what was said elsewhere knows none of these. Those
    that came when the newest label was a later one than ``up_to`` are left out.
    """
    project_id = project.pk if isinstance(project, Project) else project
    parameters: dict[str, Any] = {"project": project_id, "up_to": up_to}
    if snapshot is not None:
        return (
            "talk.project_id = %(project)s AND EXISTS (SELECT 1 FROM labeling_snapshotconversation kept"
            " WHERE kept.snapshot_id = %(snapshot)s AND kept.conversation_id = talk.id)",
            {**parameters, "snapshot": snapshot.pk},
        )
    if (
        selection.annotators
        or selection.groups
        or selection.agreement is not None
        or selection.policies
        or selection.extra
        or selection.superseded == Superseded.ONLY
        or (selection.kinds and Kind.CONVERSATION not in selection.kinds)
        or (selection.sources and Source.IMPORT not in selection.sources)
    ):
        return None
    parts = ["talk.project_id = %(project)s", "talk.newest_label <= %(up_to)s"]
    for name, sql, value in (
        ("since", "talk.created >= %(since)s", selection.since),
        ("until", "talk.created < %(until)s", selection.until),
        ("held_out", "prompt.held_out = %(held_out)s", selection.held_out),
        ("tags", _TAGGED, list(selection.tags) or None),
    ):
        if value is not None:
            parts.append(sql)
            parameters[name] = value
    return " AND ".join(parts), parameters
