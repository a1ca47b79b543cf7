"""Figures that are kept, and how far annotators can be relied upon, for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils.translation import gettext
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.numbers import without_nan
from labeling.api.queries import choice
from labeling.api.serializers_figures import (
    CoefficientsOut,
    KeptFiguresOut,
    LevelIn,
    ReliabilitiesIn,
    ReliabilitiesOut,
)
from labeling.errors import NotFound
from labeling.models import Level, Project
from labeling.quality.reliability import weight
from labeling.rest import ApiView, SignedInApiRequest
from labeling.selectors import figures
from labeling.selectors.access import MANAGERS, RESEARCHERS, membership_in
from labeling.selectors.agreement import By, coefficients, flat
from labeling.selectors.labels import pseudonym
from labeling.selectors.reliabilities import reliabilities_of, training_weights, trusts
from labeling.services.figures import refresh
from labeling.services.projects import update_project
from labeling.services.trust import SETTINGS, choose

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
        """Say how judgements of people who are compared are used; for admins."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        body = ReliabilitiesIn(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(_reliabilities(update_project(project=project, changed_by=request.user, **body.validated_data)))


class TrustView(ApiView):
    @extend_schema(
        request=LevelIn,
        responses={200: ReliabilitiesOut, **errors(400, 401, 403, 404, 415)},
        operation_id="reliability_choose",
    )
    def put(self, request: SignedInApiRequest, slug: str, name: str) -> Response:
        """Say how far the judgements of an annotator (by pseudonym) are used, whatever the figures say; for admins."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        body = LevelIn(data=request.data)
        body.is_valid(raise_exception=True)
        found = figures.annotator_called(project, name)
        if found is None:
            raise NotFound(gettext("there is nobody called {name!r} in {slug}").format(name=name, slug=slug))
        choose(project=project, user_id=found, level=body.validated_data["level"], chosen_by=request.user)
        return Response(_reliabilities(project))


class CoefficientsView(ApiView):
    query_parameters = {"GET": frozenset({"annotator", "by"})}

    @extend_schema(
        parameters=[
            ANNOTATOR,
            OpenApiParameter("by", str, enum=["all", "kind", "person", "week"], description="Default: all."),
        ],
        responses={200: CoefficientsOut, **errors(400, 401, 404)},
        operation_id="coefficients_retrieve",
    )
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """Coefficients of agreement with 95 % intervals, of all judgements as they were first submitted.

        By kind, by person (with each other person) or by the last 26 weeks. They are made from sums that are kept, so
        they cost the same however many judgements there are. Annotators see their own alone.
        """
        membership = membership_in(slug, user=request.user)
        project = membership.project
        person = figures.whom(membership, request.query_params.get("annotator", ""))
        wanted = choice(request, "by", ["all", "kind", "person", "week"], default="all")
        by: By = "kind" if wanted == "kind" else "week" if wanted == "week" else "all"
        if wanted == "person" and person is None:
            by = "person"
        refresh(project, chunks=1, fits=False)
        rows = coefficients(project, by=by, annotator=person)
        body = {
            "coefficients": [flat(row, project=project) for row in rows],
            "uncounted": figures.num_uncounted(project),
        }
        return Response(CoefficientsOut(body).data)


def _reliabilities(project: Project) -> Any:
    decided, used = trusts(project), training_weights(project.pk)
    rows = []
    for row in reliabilities_of(project):
        trust = decided.get(row.annotator_id)
        rows.append(
            {
                "annotator": pseudonym(project.pk, row.annotator_id),
                "reliability": row.value,
                "weight": used.get(row.annotator_id, weight(row.value)),
                "low": row.low,
                "high": row.high,
                "comparisons": row.comparisons,
                "known": row.known,
                "known_right": row.known_right,
                "level": trust.level if trust else Level.TRUSTED.value,
                "is_chosen": trust is not None and trust.chosen_by_id is not None,
                "is_adversary": trust is not None and trust.is_adversary,
                "fitted": row.fitted,
            }
        )
    return ReliabilitiesOut({**{name: getattr(project, name) for name in SETTINGS}, "annotators": rows}).data
