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
from labeling.selectors.agreement import NOTHING, coefficients
from labeling.selectors.labels import pseudonym
from labeling.selectors.quality import quality_of
from labeling.services.figures import refresh

KEPT = {
    "comparisons": ("comparisons", "pairwise_agreement"),
    "comparisons_alpha": ("comparisons", "alpha_ordinal"),
    "ratings_alpha": ("ratings", "alpha_ordinal"),
    "picks_alpha": ("picks", "alpha_nominal"),
    "rankings_tau": ("rankings", "kendall_tau"),
}


class AgreementView(ApiView):
    @extend_schema(responses={200: AgreementOut, **errors(401, 403, 404)}, operation_id="agreement_retrieve")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """Agreement in all judgements and habits in the last ones, with 95 % intervals; for admins and researchers.

        More coefficients, by kind, person and week, are at coefficients/.
        A figure that nothing can be said of is null. Annotators are pseudonyms, as in exports.
        """
        project = membership_in(slug, user=request.user, roles=RESEARCHERS).project
        refresh(project, chunks=1, fits=False)
        rows = coefficients(project)
        kept = {(row.measure, row.coefficient): row.estimate for row in rows if not row.flag}
        ac1 = {row.flag: row.estimate for row in rows if row.coefficient == "gwet_ac1"}
        found = asdict(quality_of(project))
        for flag in found["flags"]:
            flag["agreement"] = asdict(ac1.get(flag["flag"], NOTHING))
        body = without_nan(found | {name: asdict(kept.get(key, NOTHING)) for name, key in KEPT.items()})
        for person in body["people"]:
            person["annotator"] = pseudonym(project.pk, person["annotator"])
        return Response(AgreementOut(body).data)
