from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import RequestFactory
from django_htmx.middleware import HtmxDetails

from labeling.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound
from labeling.http import DomainErrorMiddleware, address_of, error_to_status, signed_in
from labeling.models import User

ERRORS = [(Invalid, 400), (NotAllowed, 403), (NotFound, 404), (Conflict, 409)]


def asked(user=None, **headers):
    request = RequestFactory(headers=headers).get("/p/colours/")
    request.user = user or User(username="bob")
    request.htmx = HtmxDetails(request)  # type: ignore[attr-defined]  # the middleware sets it
    return request


def refused(request, error):
    return DomainErrorMiddleware(lambda _: HttpResponse()).process_exception(request, error)


@pytest.mark.parametrize(("error", "status"), ERRORS)
def test_each_refusal_has_one_status(error, status):
    assert error_to_status(error("no")) == status


@pytest.mark.parametrize(("error", "status"), ERRORS)
def test_a_script_gets_a_sentence_and_a_code(error, status):
    answer = refused(asked(accept="application/json"), error("no such thing", code="special"))

    assert answer.status_code == status
    assert json.loads(answer.content) == {"detail": "no such thing", "code": "special"}


@pytest.mark.parametrize(("error", "status"), ERRORS)
def test_an_open_page_gets_a_notice_and_keeps_what_it_shows(error, status):
    answer = refused(asked(**{"hx-request": "true"}), error("no <such> thing"))

    html = answer.content.decode()
    assert (answer.status_code, answer["HX-Retarget"], answer["HX-Reswap"]) == (status, "#notices", "innerHTML")
    assert "No &lt;such&gt; thing" in html
    assert "<html" not in html


@pytest.mark.parametrize(("error", "status"), ERRORS)
def test_a_browser_gets_a_page(error, status):
    answer = refused(asked(), error("no such thing"))

    html = answer.content.decode()
    assert answer.status_code == status
    assert "No such thing." in html
    assert "<html" in html


def test_other_errors_go_their_way():
    assert refused(asked(), ValueError("a fault")) is None


def test_an_error_of_no_known_kind_is_a_bad_request():
    assert error_to_status(DomainError("no")) == 400


def test_only_people_who_signed_in_pass():
    view = signed_in(lambda request: HttpResponse("in"))

    assert view(asked()).content == b"in"
    assert view(asked(AnonymousUser()))["Location"] == "/login/?next=/p/colours/"
    assert view(asked(AnonymousUser(), accept="application/json")).status_code == 401
    fragment = view(asked(AnonymousUser(), **{"hx-request": "true"}))
    assert (fragment.status_code, fragment["HX-Retarget"]) == (401, "#notices")


@pytest.mark.parametrize(
    ("asked_from", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("", ""),
        ("unix socket", "unix socket"),
    ],
)
def test_an_address_is_the_part_that_one_customer_of_a_provider_has(asked_from, address):
    assert address_of(RequestFactory(REMOTE_ADDR=asked_from).get("/")) == address
