"""Filters of labels as query parameters."""

from __future__ import annotations

from dataclasses import fields

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from labeling.models import Kind, Project, Snapshot, Source
from labeling.selectors.selection import Selection, Superseded, parse
from labeling.selectors.snapshots import snapshot_named

FILTERS = frozenset(each.name for each in fields(Selection))
DESCRIBED = {
    "kinds": f"Kinds of judgement, with commas: {', '.join(Kind.values)}.",
    "since": "The first moment: a day, or a time in ISO 8601; without a zone it is UTC.",
    "until": "The moment after the last.",
    "annotators": "Pseudonyms, with commas.",
    "groups": "Groups that the annotator is in, with commas.",
    "agreement": "The least share, 0 to 1, of others who say the same; what nobody else judged is left out.",
    "tags": "Tags of the prompt, with commas; one of them is enough.",
    "policies": "Policy versions, with commas, one of which wrote one of the completions.",
    "held_out": "Only held-out prompts (true), or only the others (false).",
    "superseded": f"Judgements that were revised: {', '.join(Superseded)} (which means: alone). Default: without.",
    "sources": f"Who judged, with commas: {', '.join(Source.values)}.",
    "extra": "Only judgements beyond the overlap (true), or only the others (false).",
}
TYPES = {"agreement": OpenApiTypes.FLOAT, "held_out": OpenApiTypes.BOOL, "extra": OpenApiTypes.BOOL}
PARAMETERS = [
    OpenApiParameter(
        name,
        TYPES.get(name, OpenApiTypes.STR),
        description=text,
        enum=[str(each) for each in Superseded] if name == "superseded" else None,
    )
    for name, text in DESCRIBED.items()
]
SNAPSHOT = OpenApiParameter("snapshot", str, description="The name of a snapshot; other filters don't go with it.")


def selection_of(request: Request) -> Selection:
    """The filters of the query.

    Raises:
        ValidationError: one that is not understood.
    """
    given = {name: request.query_params[name] for name in FILTERS if name in request.query_params}
    if empty := sorted(name for name, value in given.items() if not value):
        raise ValidationError({empty[0]: ["empty: leave it out, or say what may be"]})
    return parse(given)


def snapshot_of(request: Request, project: Project) -> Snapshot | None:
    """The snapshot of the query; None when none is named.

    Raises:
        NotFound: the project has none of this name.
    """
    name = request.query_params.get("snapshot")
    return None if name is None else snapshot_named(project, name.replace("\x00", ""))
