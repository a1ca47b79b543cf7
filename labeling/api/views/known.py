"""Getting people ready, for programs: items with known answers, what is asked of new annotators, and how all did."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.numbers import without_nan
from labeling.api.serializers_known import (
    KnownChangeIn,
    KnownIn,
    KnownOut,
    PersonReadinessOut,
    ReadinessIn,
    ReadinessOut,
    StandingOut,
)
from labeling.imports.known import to_known
from labeling.models import KnownAnswer
from labeling.quality.estimates import Estimate
from labeling.rest import ApiView, Cursor, NewestFirst, SignedInApiRequest
from labeling.selectors.access import MANAGERS, membership_in
from labeling.selectors.known import Standing, annotators, known_answer, known_answers, readiness, standing_of
from labeling.services.assignments import JUDGING_ROLES
from labeling.services.known import SETTINGS, add_known, change_settings, set_active
from labeling.services.qualification import let_in, try_again


class KnownAnswersView(ApiView):
    pagination_class = NewestFirst
    query_parameters = {"GET": Cursor.PARAMETERS}

    @extend_schema(responses={200: KnownOut(many=True), **errors(400, 401, 403, 404)}, operation_id="known_list")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """Items with known answers, the newest first; for admins."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        paginator = NewestFirst()
        page = paginator.paginate_queryset(known_answers(project), request, view=self) or []
        return paginator.get_paginated_response(KnownOut([_known(row) for row in page], many=True).data)

    @extend_schema(
        request=KnownIn, responses={201: KnownOut, **errors(400, 401, 403, 404, 415)}, operation_id="known_create"
    )
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """An item with its known answer; for admins. It is in no queue, and never learned from or exported."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        body = KnownIn(data=request.data)
        body.is_valid(raise_exception=True)
        values = dict(body.validated_data)
        row = {**values, "completions": [{"text": text} for text in values["completions"]]}
        [added] = add_known(project=project, new=[to_known(row)], author=request.user)
        return Response(KnownOut(_known(added)).data, status=201)


class KnownAnswerView(ApiView):
    @extend_schema(responses={200: KnownOut, **errors(400, 401, 403, 404)}, operation_id="known_retrieve")
    def get(self, request: SignedInApiRequest, slug: str, known_id: int) -> Response:
        """One of them; for admins."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        return Response(KnownOut(_known(known_answer(project, known_id))).data)

    @extend_schema(
        request=KnownChangeIn, responses={200: KnownOut, **errors(400, 401, 403, 404, 415)}, operation_id="known_update"
    )
    def patch(self, request: SignedInApiRequest, slug: str, known_id: int) -> Response:
        """Give it to people from now on, or no more; for admins."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        body = KnownChangeIn(data=request.data)
        body.is_valid(raise_exception=True)
        found = set_active(known=known_answer(project, known_id), changed_by=request.user, **body.validated_data)
        return Response(KnownOut(_known(found)).data)


class ReadinessView(ApiView):
    @extend_schema(responses={200: ReadinessOut, **errors(400, 401, 403, 404)}, operation_id="readiness_retrieve")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """What is asked of new annotators; for admins."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        return Response(ReadinessOut({name: getattr(project, name) for name in SETTINGS}).data)

    @extend_schema(
        request=ReadinessIn,
        responses={200: ReadinessOut, **errors(400, 401, 403, 404, 415)},
        operation_id="readiness_update",
    )
    def patch(self, request: SignedInApiRequest, slug: str) -> Response:
        """Change it; for admins. Who has judged before a qualification is asked for needs none."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        body = ReadinessIn(data=request.data)
        body.is_valid(raise_exception=True)
        project = change_settings(project=project, changed_by=request.user, **body.validated_data)
        return Response(ReadinessOut({name: getattr(project, name) for name in SETTINGS}).data)


class ReadinessOfPeopleView(ApiView):
    pagination_class = Cursor
    query_parameters = {"GET": Cursor.PARAMETERS}

    @extend_schema(
        responses={200: PersonReadinessOut(many=True), **errors(400, 401, 403, 404)}, operation_id="readiness_people"
    )
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """How annotators did on items with known answers; for admins."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        paginator = Cursor()
        page = paginator.paginate_queryset(annotators(project), request, view=self) or []
        rows = [
            {
                "annotator": person.membership.user_id,
                "username": person.membership.user.username,
                "is_candidate": person.is_candidate,
                "last": person.last,
                "later": _estimate(person.later),
            }
            for person in readiness(page)
        ]
        return paginator.get_paginated_response(PersonReadinessOut(rows, many=True).data)


class LetInView(ApiView):
    @extend_schema(request=None, responses={204: None, **errors(400, 401, 403, 404)}, operation_id="readiness_let_in")
    def post(self, request: SignedInApiRequest, slug: str, user_id: int) -> Response:
        """Let somebody judge without a qualification, or in spite of one; for admins."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        let_in(project=project, user_id=user_id, changed_by=request.user)
        return Response(status=204)


class QualificationView(ApiView):
    @extend_schema(responses={200: StandingOut, **errors(400, 401, 403, 404)}, operation_id="qualification_retrieve")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """Your own qualification. `next` gives you its items; while you have none to judge, it answers 204."""
        membership = membership_in(slug, user=request.user, roles=JUDGING_ROLES)
        return Response(StandingOut(_standing(standing_of(membership))).data)

    @extend_schema(
        request=None, responses={201: StandingOut, **errors(400, 401, 403, 404, 409)}, operation_id="qualification_try"
    )
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """Begin another try, with other items."""
        membership = membership_in(slug, user=request.user, roles=JUDGING_ROLES)
        try_again(project=membership.project, annotator=request.user)
        return Response(StandingOut(_standing(standing_of(membership))).data, status=201)


def _known(row: KnownAnswer) -> dict[str, Any]:
    names = ("explanation", "is_active", "num_judged", "num_right", "num_asked", "answer")
    return {
        "id": row.pk,
        "prompt": row.item.prompt_id,
        "kind": row.item.kind,
        **{name: getattr(row, name) for name in names},
    }


def _standing(standing: Standing) -> dict[str, Any]:
    return {
        "is_candidate": standing.is_candidate,
        "may_try": standing.may_try,
        "num_judged": standing.num_judged,
        "tries": standing.tries,
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    shown: dict[str, Any] = without_nan(
        {"value": estimate.value, "low": estimate.low, "high": estimate.high, "units": estimate.units}
    )
    return shown
