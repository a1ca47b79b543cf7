"""How static files are stored for a server: under names with their hashes, compressed, imports of modules included."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """Our modules name the hashed files of the modules they import, so that a page never mixes two releases.

    Django's own support for this reads every script, also comments of foreign ones, and stops at what is no import.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("js/*.js", ((r"""(?P<matched>from "(?P<url>\.[^"]+)")""", 'from "%(url)s"'),)),
    )
