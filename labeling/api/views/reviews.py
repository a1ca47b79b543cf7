"""Review, for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.serializers import SubmitIn
from labeling.api.serializers_reviews import ReviewDetailOut, ReviewOut, ReviewSettingsIn, ReviewSettingsOut
from labeling.models import Membership, Project, Review, ReviewState
from labeling.rest import ApiView, Cursor, SignedInApiRequest
from labeling.selectors.access import MANAGERS, REVIEWERS, membership_in
from labeling.selectors.reviews import opinions, review_of, review_sheet, reviews
from labeling.services.figures import refresh
from labeling.services.reviews import SETTINGS, change_review_settings, decide, dismiss
from labeling.services.verdicts import Verdict

STATE = OpenApiParameter("state", enum=list(ReviewState.values), description="Without it, those that are open.")


class ReviewsView(ApiView):
    pagination_class = Cursor
    query_parameters = {"GET": Cursor.PARAMETERS | {"state"}}

    @extend_schema(
        parameters=[STATE],
        responses={200: ReviewOut(many=True), **errors(400, 401, 403, 404)},
        operation_id="reviews_list",
    )
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """Items that people disagree about or raised a harmful flag on, the oldest first; for reviewers and admins."""
        project = membership_in(slug, user=request.user, roles=REVIEWERS).project
        state = request.query_params.get("state", ReviewState.OPEN.value)
        if state not in ReviewState.values:
            raise ValidationError({"state": [f"{state!r} is none of {', '.join(ReviewState.values)}"]})
        refresh(project, chunks=1, fits=False)
        paginator = Cursor()
        page = paginator.paginate_queryset(reviews(project, state=state), request, view=self) or []
        return paginator.get_paginated_response(ReviewOut([_row(each) for each in page], many=True).data)


class ReviewView(ApiView):
    @extend_schema(responses={200: ReviewDetailOut, **errors(400, 401, 403, 404)}, operation_id="reviews_retrieve")
    def get(self, request: SignedInApiRequest, slug: str, review_id: int) -> Response:
        """One of them with what everybody judged."""
        membership = membership_in(slug, user=request.user, roles=REVIEWERS)
        return Response(_detail(review_of(membership.project, review_id), membership))


class DecideView(ApiView):
    @extend_schema(
        request=SubmitIn,
        responses={200: ReviewDetailOut, **errors(400, 401, 403, 404, 409, 415)},
        operation_id="reviews_decide",
    )
    def post(self, request: SignedInApiRequest, slug: str, review_id: int) -> Response:
        """Decide it with a judgement of your own, whose source is `review`; the others stay. Retry as you like."""
        membership = membership_in(slug, user=request.user, roles=REVIEWERS)
        body = SubmitIn(data=request.data)
        body.is_valid(raise_exception=True)
        values = dict(body.validated_data)
        decide(
            project=membership.project,
            review_id=review_id,
            reviewer=request.user,
            client_id=values.pop("client_id"),
            verdict=Verdict(**values),
        )
        return Response(_detail(review_of(membership.project, review_id), membership))


class DismissView(ApiView):
    @extend_schema(
        request=None, responses={200: ReviewOut, **errors(400, 401, 403, 404, 409)}, operation_id="reviews_dismiss"
    )
    def post(self, request: SignedInApiRequest, slug: str, review_id: int) -> Response:
        """Leave the item as it was judged."""
        project = membership_in(slug, user=request.user, roles=REVIEWERS).project
        return Response(ReviewOut(_row(dismiss(project=project, review_id=review_id, reviewer=request.user))).data)


class ReviewSettingsView(ApiView):
    @extend_schema(
        responses={200: ReviewSettingsOut, **errors(400, 401, 403, 404)}, operation_id="reviews_settings_retrieve"
    )
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """Which items are reviewed; for reviewers and admins."""
        return Response(_settings(membership_in(slug, user=request.user, roles=REVIEWERS).project))

    @extend_schema(
        request=ReviewSettingsIn,
        responses={200: ReviewSettingsOut, **errors(400, 401, 403, 404, 415)},
        operation_id="reviews_settings_update",
    )
    def patch(self, request: SignedInApiRequest, slug: str) -> Response:
        """Say which items are reviewed, of the judgements that come from now on; for admins."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        body = ReviewSettingsIn(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(
            _settings(change_review_settings(project=project, changed_by=request.user, **body.validated_data))
        )


def _settings(project: Project) -> Any:
    return ReviewSettingsOut({name: getattr(project, name) for name in SETTINGS}).data


def _row(review: Review) -> dict[str, Any]:
    names = ("reason", "agreement", "state", "created", "closed")
    return {
        "id": review.pk,
        "item": review.item_id,
        "kind": review.item.kind,
        "label": review.label_id,
        **{name: getattr(review, name) for name in names},
    }


def _detail(review: Review, membership: Membership) -> Any:
    sheet = review_sheet(review, membership=membership)
    return ReviewDetailOut(
        {
            **_row(review),
            "prompt": sheet.prompt,
            "completions": sheet.completions,
            "opinions": [asdict(opinion) for opinion in opinions(review)],
        }
    ).data
