"""Reads of the models of elsewhere that wrote completions."""

from __future__ import annotations

from django.db import connection

from labeling.models import ImportedModel, Project, Snapshot
from labeling.selectors.chosen import FROM, condition
from labeling.selectors.selection import Selection

JUDGED = {
    "rankings": "JOIN labeling_itemcompletion said ON said.item_id = item.id",
    "comparisons": "JOIN labeling_rank said ON said.label_id = label.id",
    "ratings": "JOIN labeling_rating said ON said.label_id = label.id",
    "demonstrations": "CROSS JOIN LATERAL (SELECT label.demonstration_id AS completion_id) said",
}
"""Of which completions the rows of a view tell."""


def tells_models(
    project: Project, *, view: str, selection: Selection, up_to: int, snapshot: Snapshot | None = None
) -> bool:
    """Whether a completion that a view tells of was written by a model with a name; one statement where none was."""
    if not ImportedModel.objects.filter(project=project).exists():
        return False
    chosen, parameters = condition(project, selection, up_to=up_to, snapshot=snapshot)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT EXISTS (
                SELECT {FROM} {JUDGED[view]} JOIN labeling_completion written ON written.id = said.completion_id
                WHERE {chosen} AND item.purpose = 'training' AND written.model_id IS NOT NULL
            )""",
            parameters,
        )
        return bool(cursor.fetchone()[0])


def model_named(project: Project | int, model: int) -> str:
    """The name of a model; "" when the project has none with this id."""
    return ImportedModel.objects.filter(project=project, pk=model).values_list("name", flat=True).first() or ""
