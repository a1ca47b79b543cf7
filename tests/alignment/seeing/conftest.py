"""A project whose two versions were compared."""

from __future__ import annotations

import pytest


@pytest.fixture
def compared(db):
    """Versions 1 and 2 stand in one item; bob judged it, and two more are open."""
    from factories import judge, make_cast
    from seeing import two_versions

    cast = two_versions(make_cast(num_items=0), num=3)
    judge(cast.project, cast.bob)
    return cast
