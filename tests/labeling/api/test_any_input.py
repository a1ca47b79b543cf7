"""Whatever is sent, the answer is never an error of the server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from factories import api_client, claim, make_cast
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.django_db

EXPLORE = settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Characters that databases, encoders and terminals trip over are as likely as all others together.
TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        "",
        "\x00",
        "a\x00",
        "\ud800",
        "\udfff",
        "\u202e",
        "👩‍🚀",
        "1",
        "-1",
        "01",
        "NaN",
        "null",
        "=1+1",
        "'",
        '"',
        "\\",
        "%00",
        "../",
    ]
)
NUMBERS = (
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0, -1, 2**31, 2**63, 2**64, 10**40, 1e308, -0.0])
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


def bodies(*names: str) -> st.SearchStrategy[Any]:
    """Objects with some of the names of the endpoint, and anything else."""
    known = st.fixed_dictionaries({}, optional=dict.fromkeys(names, VALUES))
    return (
        st.builds(lambda first, second: {**second, **first}, known, st.dictionaries(TEXTS, VALUES, max_size=1)) | VALUES
    )


@pytest.fixture
def cast():
    return make_cast()


def send(client, method: str, address: str, body: object):
    # json.dumps can write half a surrogate pair as an escape; the test client's own encoder can't.
    return getattr(client, method)(address, json.dumps(body), content_type="application/json")


def check(response, *good: int) -> None:
    assert response.status_code in {400, 404, 409, *good}
    if response.status_code >= 400:
        assert {"detail", "code"} <= set(response.json())


@EXPLORE
@given(body=bodies("client_id", "ratings", "ranks", "flags", "notes", "seconds"))
@example(body={"client_id": "0" * 32, "ratings": {}, "ranks": {}, "seconds": 10**400})
def test_submit(cast, body):
    assignment = claim(cast.project, cast.bob)

    check(send(api_client(cast.bob), "post", f"/api/v1/assignments/{assignment.pk}/submit/", body))


@EXPLORE
@given(values=st.lists(VALUES, min_size=6, max_size=6), flags=VALUES, seconds=VALUES, notes=TEXTS)
def test_submit_with_the_right_names(cast, values, flags, seconds, notes):
    assignment = claim(cast.project, cast.bob)
    ids = [str(pk) for pk in assignment.order]
    body = {
        "client_id": "00000000-0000-4000-8000-000000000001",
        "ratings": dict(zip(ids, values[:3], strict=True)),
        "ranks": dict(zip(ids, values[3:], strict=True)),
        "flags": {ids[0]: flags},
        "seconds": seconds,
        "notes": notes,
    }

    check(send(api_client(cast.bob), "post", f"/api/v1/assignments/{assignment.pk}/submit/", body))


@EXPLORE
@given(body=VALUES)
def test_draft(cast, body):
    assignment = claim(cast.project, cast.bob)

    check(send(api_client(cast.bob), "put", f"/api/v1/assignments/{assignment.pk}/draft/", body), 200)


@EXPLORE
@given(body=bodies("reason"))
def test_skip(cast, body):
    assignment = claim(cast.project, cast.bob)

    check(send(api_client(cast.bob), "post", f"/api/v1/assignments/{assignment.pk + 10**6}/skip/", body))


@EXPLORE
@given(body=bodies("slug", "name", "guidelines", "overlap", "flags", "is_paused", "lease_minutes"))
def test_project(cast, body):
    check(send(api_client(cast.alice), "post", "/api/v1/projects/", body), 201)
    check(send(api_client(cast.alice), "patch", "/api/v1/projects/colours/", body), 200)


@EXPLORE
@given(body=bodies("prompt", "completions", "source"))
def test_prompt(cast, body):
    check(send(api_client(cast.alice), "post", "/api/v1/projects/colours/prompts/", body), 200, 201)


@EXPLORE
@given(body=bodies("username", "password"))
def test_token(cast, body, monkeypatch):
    monkeypatch.setattr("labeling.api.views.access.TokenView.throttle_classes", ())

    check(send(api_client(), "post", "/api/v1/token/", body))


@EXPLORE
@given(
    content=st.binary(max_size=60)
    | st.lists(bodies("prompt", "completions", "chosen", "rejected", "ranks", "ratings", "flags"), max_size=3).map(
        lambda rows: "\n".join(json.dumps(row) for row in rows).encode()
    ),
    file_format=st.sampled_from(["prompts", "hh", "trl", "openrlhf", "ranked"]),
    kind=st.sampled_from(["jsonl", "csv", "parquet"]),
)
def test_import(cast, content, file_format, kind):
    address = f"/api/v1/projects/colours/prompts/import/?format={file_format}&kind={kind}&keep_good=true"

    check(api_client(cast.alice).post(address, content, content_type="application/octet-stream"), 200)


@EXPLORE
@given(
    query=st.dictionaries(
        st.sampled_from(
            ["cursor", "page_size", "held_out", "outcome", "search", "format", "view", "up_to", "manifest"]
        ),
        st.text(max_size=6).filter(lambda text: text.isprintable()) | st.sampled_from(["\x00", "0", "true", "9" * 25]),
        max_size=3,
    ),
    name=st.sampled_from(["comparisons", "export", "prompts", ""]),
)
def test_query(cast, query, name):
    address = f"/api/v1/projects/colours/{name}/" if name else "/api/v1/projects/"

    response = api_client(cast.alice).get(address, query)

    assert response.status_code in {200, 400}


@EXPLORE
@given(slug=st.text(max_size=8).filter(lambda text: text.isprintable() and "/" not in text))
def test_slug(cast, slug):
    response = api_client(cast.alice).get("/api/v1/projects/" + slug + "/")

    assert response.status_code in {200, 404}
