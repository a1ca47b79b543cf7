"""Every page and endpoint of a project, found by walking the addresses: who is nobody there learns nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from factories import Cast, make_cast

pytestmark = pytest.mark.django_db

VALUES = {"slug": "colours", "name": "x", "token": "x"}
METHODS = ("get", "post", "put", "patch", "delete")


def routes(patterns=None, before: str = "/") -> Iterator[str]:
    """The addresses of all apps but Django's admin, with their parameters."""
    for each in get_resolver().url_patterns if patterns is None else patterns:
        route = f"{before}{each.pattern}"
        if isinstance(each, URLResolver) and each.app_name != "admin":
            yield from routes(each.url_patterns, route)
        elif isinstance(each, URLPattern):
            yield route


def filled(route: str, **values: str) -> str:
    """The address with a value for each parameter; numbers are of nothing that there is."""
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: {**VALUES, **values}.get(found[1], "4711"), route)


OF_PROJECTS = sorted(route for route in routes() if "<slug:slug>" in route)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def answers(client: Client, address: str, *, methods: tuple[str, ...] = METHODS) -> dict[str, int]:
    """The status of each method that the address has."""
    found = {method: getattr(client, method)(address).status_code for method in methods}
    return {method: status for method, status in found.items() if status != 405}


def test_there_are_pages_and_endpoints_of_both_apps():
    assert len(OF_PROJECTS) > 120
    assert {route.split("/")[1] for route in OF_PROJECTS} == {"p", "api"}
    assert any("leaderboard" in route for route in OF_PROJECTS)


def test_a_visitor_is_sent_to_the_login_or_told_to_sign_in(cast):
    wrong = {}
    for route in OF_PROJECTS:
        address = filled(route)
        if set(answers(Client(), address).values()) - ({401} if route.startswith("/api/") else {302}):
            wrong[route] = answers(Client(), address)

    assert wrong == {}


def test_a_stranger_is_told_that_there_is_no_such_thing(cast):
    client = Client()
    client.force_login(cast.charlie)
    wrong = {}
    for route in OF_PROJECTS:
        found = answers(client, filled(route))
        if not found or set(found.values()) != {404}:
            wrong[route] = found

    assert wrong == {}


def test_what_is_not_there_is_not_found_and_nothing_breaks_for_who_may_all(cast):
    client = Client(raise_request_exception=False)
    client.force_login(cast.alice)

    found = {route: answers(client, filled(route), methods=("get",)) for route in OF_PROJECTS}

    assert {route: each for route, each in found.items() if max(each.values(), default=0) >= 500} == {}
