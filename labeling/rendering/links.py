"""Addresses of links and images: which may be followed, and how they are shown."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from labeling.rendering.characters import INVISIBLE

# Absolute ones only: a relative address would lead to a page of this server, such as the one that signs out.
_SAFE = re.compile(r"(?:https?://[^\s/?#]|mailto:[^\s@]+@)[^\s]*", re.IGNORECASE)


def is_safe(address: str) -> bool:
    """Whether it leads to another site, or writes a message."""
    return bool(_SAFE.fullmatch(address))


def address_of(destination: str, *, is_email: bool = False) -> str:
    """The address as it is asked for: a host in other letters by its ASCII name, invisible characters by number."""
    address = f"mailto:{destination}" if is_email else destination
    if address.isascii() and address.isprintable():
        return address
    return INVISIBLE.sub(lambda match: quote(match[0], errors="replace"), _with_ascii_host(address))


def _with_ascii_host(address: str) -> str:
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        name = host.encode("idna").decode()
    except ValueError:  # no address, or a name that no host can have
        return quote(address, safe="%/:=&?~#+!$,;'@()*[]")
    return address if name == host else address.replace(parts.netloc, parts.netloc.replace(host, name), 1)
