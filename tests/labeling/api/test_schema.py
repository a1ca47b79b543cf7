"""The OpenAPI description."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

IMPORT = "/api/v1/projects/{slug}/prompts/import/"


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


def test_every_operation_has_the_refusals_and_the_scope_that_all_have():
    schema = SchemaGenerator().get_schema(request=None, public=True)

    assert schema["openapi"] == "3.1.0"
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert {"400", "429"} <= set(operation["responses"]), f"{method} {path}"
            if path != "/api/v1/token/":
                assert {"401", "403"} <= set(operation["responses"]), f"{method} {path}"
                assert "Scope of the token: `" in operation["description"], f"{method} {path}"
            for status, answer in operation["responses"].items():
                if status >= "400" and (method, path, status) != ("post", IMPORT, "400"):
                    reference = answer["content"]["application/json"]["schema"]["$ref"]
                    assert reference == "#/components/schemas/ErrorOut", f"{method} {path} {status}"


def test_every_body_has_an_example_that_fits_its_schema():
    schema = SchemaGenerator().get_schema(request=None, public=True)
    found = [
        (f"{method} {path}", media)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        for body in [operation.get("requestBody", {}), *map(operation["responses"].get, ("200", "201"))]
        for kind, media in (body or {}).get("content", {}).items()
        if kind == "application/json"
    ]

    assert len(found) > 60
    for where, media in found:
        document = {**media["schema"], "components": schema["components"]}
        errors = [error.message for error in Draft202012Validator(document).iter_errors(media["example"])]
        assert not errors, f"{where}: {errors}, {media['example']}"


@pytest.mark.django_db
def test_schema_is_served_to_everybody(client):
    response = client.get("/api/schema/")

    assert response.status_code == 200
    assert b"/api/v1/assignments/{assignment_id}/submit/" in response.content
    assert client.get("/api/schema/?format=json").json()["openapi"] == "3.1.0"
    assert client.get("/api/schema/?format=xml").status_code == 400
    assert client.get("/api/schema/", headers={"If-None-Match": response["ETag"]}).status_code == 304


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["nothing/", "v1/projects/%0a/", "v1/assignments/-1/submit/", "v1/"])
def test_address_that_is_none_is_refused_in_json(client, path):
    response = client.post(f"/api/{path}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_every_list_comes_in_pages():
    schema = SchemaGenerator().get_schema(request=None, public=True)

    for path, methods in schema["paths"].items():
        answer = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {}).get("application/json")
        if answer is None:
            continue
        names = {parameter["name"] for parameter in methods["get"].get("parameters", [])}
        assert answer["schema"].get("type") != "array", f"{path} is a list without pages"
        if "Paginated" in answer["schema"]["$ref"]:
            assert {"cursor", "page_size"} <= names, path
