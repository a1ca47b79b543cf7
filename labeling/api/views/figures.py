"""Figures that are kept, and how far annotators can be relied upon, for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.numbers import without_nan
from labeling.api.serializers_figures import KeptFiguresOut, ReliabilitiesIn, ReliabilitiesOut
from labeling.models import Project
from labeling.quality.reliability import weight
from labeling.rest import ApiView, SignedInApiRequest
from labeling.selectors import figures
from labeling.selectors.access import MANAGERS, RESEARCHERS, membership_in
from labeling.selectors.labels import pseudonym
from labeling.selectors.reliabilities import reliabilities_of
from labeling.services.figures import refresh
from labeling.services.projects import update_project

ANNOTATOR = OpenApiParameter(
    "annotator", OpenApiTypes.STR, description="The pseudonym of one annotator; annotators see themselves alone."
)


class FiguresView(ApiView):
    query_parameters = {"GET": frozenset({"annotator"})}

    @extend_schema(
        parameters=[ANNOTATOR],
        responses={200: KeptFiguresOut, **errors(400, 401, 404)},
        operation_id="figures_retrieve",
    )
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """Figures of all judgements by day and kind; of the whole project for admins and researchers.

        They are kept, not recounted: they cost the same however many judgements there are. A figure that nothing can
        be said of is null.
        """
        membership = membership_in(slug, user=request.user)
        project = membership.project
        person = figures.whom(membership, request.query_params.get("annotator", ""))
        refresh(project, chunks=1, fits=False)
        body = {
            "totals": asdict(figures.totals(project, annotator=person)),
            "days": [asdict(each) for each in figures.days(project, annotator=person)],
            "kinds": [
                {"kind": kind, "figures": asdict(each)} for kind, each in figures.kinds(project, annotator=person)
            ],
            "outlook": asdict(figures.outlook(project)) if person is None else None,
            "uncounted": figures.num_uncounted(project),
        }
        return Response(KeptFiguresOut(without_nan(body)).data)


class ReliabilitiesView(ApiView):
    @extend_schema(
        responses={200: ReliabilitiesOut, **errors(400, 401, 403, 404)}, operation_id="reliabilities_retrieve"
    )
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """How far each annotator can be relied upon, the least reliable first; for admins and researchers."""
        project = membership_in(slug, user=request.user, roles=RESEARCHERS).project
        return Response(_reliabilities(project))

    @extend_schema(
        request=ReliabilitiesIn,
        responses={200: ReliabilitiesOut, **errors(400, 401, 403, 404, 415)},
        operation_id="reliabilities_update",
    )
    def patch(self, request: SignedInApiRequest, slug: str) -> Response:
        """Say whether training counts judgements by these weights; for admins."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        body = ReliabilitiesIn(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(_reliabilities(update_project(project=project, changed_by=request.user, **body.validated_data)))


def _reliabilities(project: Project) -> Any:
    rows = [
        {
            "annotator": pseudonym(project.pk, row.annotator_id),
            "reliability": row.value,
            "weight": weight(row.value),
            "comparisons": row.comparisons,
            "fitted": row.fitted,
        }
        for row in reliabilities_of(project)
    ]
    return ReliabilitiesOut({"weighs_annotators": project.weighs_annotators, "annotators": rows}).data
