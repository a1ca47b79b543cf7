"""A project whose versions come to the gate, without a model."""

from __future__ import annotations

import pytest

# Models are imported where they are used: this file is read before Django is set up.


@pytest.fixture
def gate(db):
    from at_the_gate import make_gate

    return make_gate()
