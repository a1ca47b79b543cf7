"""How well people judge, for programs."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.serializers_quality import AgreementOut
from labeling.rest import ApiView, SignedInApiRequest
from labeling.selectors.access import RESEARCHERS, membership_in
from labeling.selectors.labels import pseudonym
from labeling.selectors.quality import quality_of


class AgreementView(ApiView):
    @extend_schema(responses={200: AgreementOut, **errors(401, 403, 404)}, operation_id="agreement_retrieve")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """Agreement and habits in the last judgements, with 95 % intervals; for admins and researchers.

        A figure that nothing can be said of is null. Annotators are pseudonyms, as in exports.
        """
        project = membership_in(slug, user=request.user, roles=RESEARCHERS).project
        body = _without_nan(asdict(quality_of(project)))
        for person in body["people"]:
            person["annotator"] = pseudonym(project.pk, person["annotator"])
        return Response(AgreementOut(body).data)


def _without_nan(value: Any) -> Any:
    """JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value
