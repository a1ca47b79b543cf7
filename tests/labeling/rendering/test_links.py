from __future__ import annotations

import pytest

from labeling.rendering.links import address_of, is_safe


@pytest.mark.parametrize(
    "address", ["https://example.org", "HTTP://example.org/a?b#c", "mailto:me@example.org", "https://a@b.org:8/"]
)
def test_an_address_of_another_site_can_be_followed(address):
    assert is_safe(address)


@pytest.mark.parametrize(
    "address",
    [
        *("", "/logout", "logout", "#main", "//example.org", "?q", "https:", "https:/x", "https:///x", "http:\\\\x"),
        *("javascript:alert(1)", "JaVaScRiPt:x", " javascript:x", "java\nscript:x", "data:text/html,x", "vbscript:x"),
        *("file:///etc/passwd", "blob:x", "ftp://x.org", "mailto:", "https://x.org/ onmouseover=x", "view-source:x"),
    ],
)
def test_an_address_of_this_server_or_of_a_script_can_not(address):
    assert not is_safe(address)


@pytest.mark.parametrize(
    ("destination", "shown"),
    [
        ("https://example.org/a?b=c", "https://example.org/a?b=c"),
        ("https://аpple.com/x", "https://xn--pple-43d.com/x"),  # the first letter is Cyrillic
        ("https://example.org/ä", "https://example.org/ä"),
        ("https://example.org/\u202egnp.exe", "https://example.org/%E2%80%AEgnp.exe"),
        ("https://exa\u200bmple.org", "https://example.org"),  # as a browser would ask for it
        ("https://[x/\u200b", "https://[x/%E2%80%8B"),
    ],
)
def test_an_address_is_shown_as_it_will_be_asked_for(destination, shown):
    assert address_of(destination) == shown


def test_an_email_address_writes_a_message():
    assert address_of("me@example.org", is_email=True) == "mailto:me@example.org"
