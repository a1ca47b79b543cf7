"""Reads of snapshots, and what a card says of one."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext

from labeling.errors import NotFound
from labeling.models import Project, Snapshot, SnapshotJob
from labeling.selectors.chosen import FROM, condition
from labeling.selectors.elsewhere import TALKS, held_elsewhere
from labeling.selectors.selection import Selection


def snapshots_of(project: Project) -> QuerySet[Snapshot]:
    """The snapshots of a project, the newest first, without their cards."""
    return Snapshot.objects.filter(project=project).select_related("author").defer("card").order_by("-id")


def snapshot_named(project: Project, name: str) -> Snapshot:
    """One snapshot.

    Raises:
        NotFound: the project has none of this name.
    """
    snapshot = Snapshot.objects.filter(project=project, name=name).select_related("project", "author").first()
    if snapshot is None:
        raise NotFound(gettext("there is no snapshot {name!r} in this project").format(name=name[:80]))
    return snapshot


def jobs_of(project: Project) -> QuerySet[SnapshotJob]:
    """Snapshots of a project that were left to the importer, the newest first."""
    return SnapshotJob.objects.filter(project=project).select_related("requested_by", "snapshot").order_by("-id")


def find_job(project: Project, job_id: int) -> SnapshotJob:
    """One of them.

    Raises:
        NotFound: the project has none with this id.
    """
    found = jobs_of(project).filter(pk=job_id).first()
    if found is None:
        raise NotFound(gettext("there is no snapshot being taken with the id {job_id}").format(job_id=job_id))
    found.project = project
    return found


def counts_of(project: Project, selection: Selection, *, up_to: int) -> dict[str, int]:
    """How many labels a selection means, of how many prompts and people, and how many conversations held elsewhere."""
    chosen, parameters = condition(project, selection, up_to=up_to)
    rows = _rows(
        f"""SELECT count(*), count(DISTINCT item.prompt_id), count(DISTINCT label.annotator_id) {FROM}
        WHERE {chosen} AND item.purpose IN ('training', 'evaluation')""",
        parameters,
    )
    labels, prompts, people = rows[0]
    there = held_elsewhere(project, selection, up_to=up_to)
    talks = 0 if there is None else _rows(f"SELECT count(*) {TALKS} WHERE {there[0]}", there[1])[0][0]
    return {"labels": labels, "prompts": prompts, "annotators": people, "conversations": talks}


def facts_of(snapshot: Snapshot) -> dict[str, list[tuple[Any, ...]]]:
    """What a dataset card tells: how many labels of which kind, prompts, people, versions; and what two or more said of
    the same two completions, as (prompt, first better, ties, second better)."""
    return {name: _rows(statement, {"snapshot": snapshot.pk}) for name, statement in FACTS.items()}


def _rows(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


_KEPT = f"{FROM} JOIN labeling_snapshotlabel kept ON kept.label_id = label.id AND kept.snapshot_id = %(snapshot)s"

FACTS = {
    "kinds": f"SELECT label.kind, label.source, count(*) {_KEPT} GROUP BY 1, 2 ORDER BY 1, 2",
    "prompts": f"SELECT prompt.held_out, count(DISTINCT prompt.id), count(*) {_KEPT} GROUP BY 1 ORDER BY 1",
    "times": f"SELECT min(label.created), max(label.created) {_KEPT}",
    "guidelines": f"SELECT label.guidelines_version, count(*) {_KEPT} GROUP BY 1 ORDER BY 1 NULLS LAST",
    "annotators": f"SELECT label.annotator_id, count(*), sum(label.seconds) {_KEPT} GROUP BY 1 ORDER BY 1 NULLS LAST",
    "origins": f"SELECT prompt.source, count(DISTINCT prompt.id) {_KEPT} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 30",
    "models": f"""
        SELECT model.name, count(DISTINCT written.id)
        {_KEPT} JOIN labeling_itemcompletion entry ON entry.item_id = item.id
        JOIN labeling_completion written ON written.id = entry.completion_id
        JOIN labeling_importedmodel model ON model.id = written.model_id
        GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100
    """,
    "outcomes": f"""
        SELECT comparison.outcome, count(*)
        {_KEPT} JOIN labeling_comparison comparison ON comparison.label_id = label.id GROUP BY 1 ORDER BY 1
    """,
    "shared": f"""
        SELECT min(prompt.id),
            count(*) FILTER (WHERE outcome = 'win' AND chosen_id < rejected_id),
            count(*) FILTER (WHERE outcome = 'tie'),
            count(*) FILTER (WHERE outcome = 'win' AND chosen_id > rejected_id)
        {_KEPT} JOIN labeling_comparison comparison ON comparison.label_id = label.id
        WHERE label.superseded_by_id IS NULL
        GROUP BY item.id, least(chosen_id, rejected_id), greatest(chosen_id, rejected_id)
        HAVING count(*) > 1 ORDER BY item.id, least(chosen_id, rejected_id), greatest(chosen_id, rejected_id)
        LIMIT 20000
    """,
}
