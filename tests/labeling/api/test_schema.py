"""The OpenAPI description."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator


def test_schema_is_valid_and_has_no_warnings(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))

    assert (tmp_path / "schema.yml").stat().st_size > 10_000


def test_every_endpoint_names_its_refusals_and_says_what_it_does():
    schema = SchemaGenerator().get_schema(request=None, public=True)

    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            statuses = set(operation["responses"])
            assert operation.get("description"), f"{method} {path} is not described"
            assert statuses & {"200", "201", "202", "204"}, f"{method} {path} never succeeds"
            if path != "/api/v1/token/":
                assert "401" in statuses, f"{method} {path} lacks 401"
            if "{" in path:
                assert "404" in statuses, f"{method} {path} lacks 404"
            if "requestBody" in operation:
                assert "400" in statuses, f"{method} {path} lacks 400"


@pytest.mark.django_db
def test_schema_is_served_to_everybody(client):
    response = client.get("/api/schema/")

    assert response.status_code == 200
    assert b"/api/v1/assignments/{assignment_id}/submit/" in response.content
