"""schemathesis: whatever the description of the API allows and forbids is sent, and every answer is as described."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from factories import Cast, api_client, claim, make_cast
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import load_all_checks
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from labeling.asgi import http_application
from labeling.services.groups import make_group
from labeling.services.guidelines import write_guidelines
from labeling.services.invitations import make_invitation

pytestmark = pytest.mark.django_db(transaction=True)

EXPLORE = settings(
    max_examples=3,  # for each operation; which ones is the same at every run
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# Rules that no JSON schema says are refused with 400: a prompt that ends with the assistant's turn, a cursor not ours.
LEFT_OUT = [positive_data_acceptance]


def something_of(cast: Cast) -> dict[str, Any]:
    """What addresses can lead to: one of each."""
    write_guidelines(project=cast.project, author=cast.alice, text="Prefer warm colours.")
    return {
        "slug": "colours",
        "assignment_id": claim(cast.project, cast.bob).pk,
        "prompt_id": cast.items[0].prompt_id,
        "user_id": cast.dora.pk,
        "group_id": make_group(project=cast.project, name="experts").pk,
        "invitation_id": make_invitation(project=cast.project, author=cast.alice, role="annotator").invitation.pk,
        "version": 1,
    }


def findings(operation: Any, *, people: list[str], known: dict[str, Any]) -> list[str]:
    """What is wrong with the answers of an operation, each request being sent by each of the people."""

    @EXPLORE
    @given(case=operation.as_strategy(), leads_somewhere=st.sampled_from([True, True, True, False]))
    def explore(case: Any, leads_somewhere: bool) -> None:
        if leads_somewhere:
            case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
        for authorization in people:
            case.call_and_validate(headers={"Authorization": authorization}, excluded_checks=LEFT_OUT)

    try:
        explore()
    except BaseExceptionGroup as group:
        return [f"{operation.label}: {group}"]
    return []


def test_every_answer_to_an_admin_an_annotator_and_a_stranger_is_as_described():
    load_all_checks()
    cast = make_cast(num_items=3, overlap=2)
    known = something_of(cast)
    people = [api_client(user)._credentials["HTTP_AUTHORIZATION"] for user in (cast.bob, cast.charlie, cast.alice)]
    schema = schemathesis.openapi.from_wsgi("/api/schema/", http_application)

    operations = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    operations.sort(key=lambda operation: operation.path.endswith("/archive/"))  # after it nothing else happens
    found = [finding for operation in operations for finding in findings(operation, people=people, known=known)]

    assert len(operations) >= 40
    assert not found, "\n\n".join(found)
