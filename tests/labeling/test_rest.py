"""What every endpoint shares."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import OperationalError
from django.http import Http404
from rest_framework import exceptions

from labeling.errors import Conflict, Invalid, NotAllowed, NotFound
from labeling.rest import exception_handler


def answer(error: Exception) -> tuple[int, dict[str, object]]:
    response = exception_handler(error, {})
    assert response is not None
    return response.status_code, response.data


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Invalid("x"), 400, "invalid"),
        (NotAllowed("x"), 403, "not_allowed"),
        (NotFound("x"), 404, "not_found"),
        (Conflict("x", code="lease_ended"), 409, "lease_ended"),
        (exceptions.NotAuthenticated(), 401, "not_authenticated"),
        (exceptions.PermissionDenied(), 403, "permission_denied"),
        (exceptions.Throttled(wait=3), 429, "throttled"),
        (Http404(), 404, "not_found"),
    ],
)
def test_every_refusal_is_a_sentence_and_a_code(error, status, code):
    found, body = answer(error)

    assert (found, body["code"], set(body)) == (status, code, {"detail", "code"})
    assert body["detail"]


def test_nested_reasons_are_named_by_their_path():
    detail: dict[str, Any] = {
        "ratings": {"5": ["too big"]},
        "flags": {0: {"1": ["unknown"]}},
        "non_field_errors": ["both are missing"],
    }

    _, body = answer(exceptions.ValidationError(detail))

    assert body["fields"] == {"ratings.5": "too big", "flags.0.1": "unknown"}
    assert body["detail"] == "ratings.5: too big; flags.0.1: unknown; both are missing"


def test_half_a_surrogate_pair_in_a_reason_can_be_sent():
    _, body = answer(exceptions.ValidationError({"a\ud800": ["no \udfff"]}))

    assert json.dumps(body, ensure_ascii=False).encode()
    assert body["fields"] == {"a\\ud800": "no \\udfff"}


def test_database_that_is_away_is_503_with_a_time_to_wait():
    response = exception_handler(OperationalError("connection refused"), {})

    assert response is not None
    assert (response.status_code, response.data["code"], response["Retry-After"]) == (503, "database_away", "5")
    assert "refused" not in response.data["detail"]


def test_what_is_no_refusal_goes_on():
    assert exception_handler(ZeroDivisionError(), {}) is None
