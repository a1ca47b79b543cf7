"""How well people judge, for programs."""

from __future__ import annotations

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.numbers import without_nan
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
        body = without_nan(asdict(quality_of(project)))
        for person in body["people"]:
            person["annotator"] = pseudonym(project.pk, person["annotator"])
        return Response(AgreementOut(body).data)
