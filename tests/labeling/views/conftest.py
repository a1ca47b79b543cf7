from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from factories import Cast


@pytest.fixture
def cast(db: None, settings: Any) -> Cast:
    """A project with two items of three completions each; passwords are hashed fast."""
    from factories import make_cast  # this file may be read before Django is set up

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return make_cast(num_items=2)


@pytest.fixture
def signed_in() -> Any:
    """A function that gives a person's browser; with htmx=True it asks as htmx does."""
    from django.test import Client

    def sign_in(user: Any, *, htmx: bool = False, json: bool = False) -> Client:
        headers = {"HX-Request": "true"} if htmx else {"Accept": "application/json"} if json else {}
        client = Client(headers=headers)
        client.force_login(user)
        return client

    return sign_in
