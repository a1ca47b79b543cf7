"""Secrets at rest."""

from __future__ import annotations

import pytest

from labeling.sealing import Unreadable, seal, unseal


def test_what_is_sealed_is_read_again_and_does_not_show():
    sealed = seal("JBSWY3DPEHPK3PXP")

    assert unseal(sealed) == "JBSWY3DPEHPK3PXP"
    assert "JBSWY3DPEHPK3PXP" not in sealed
    assert seal("JBSWY3DPEHPK3PXP") != sealed  # each has a nonce of its own


def test_after_the_key_was_changed_the_one_before_it_is_still_read(settings):
    sealed = seal("x")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the new one" * 5, [settings.SECRET_KEY]

    assert unseal(sealed) == "x"
    new = seal("x")
    settings.SECRET_KEY_FALLBACKS = []
    assert unseal(new) == "x"
    with pytest.raises(Unreadable, match="SECRET_KEY_FALLBACKS"):
        unseal(sealed)


@pytest.mark.parametrize("altered", ["", "x", "é"])
def test_what_was_altered_is_not_read(altered):
    with pytest.raises(Unreadable):
        unseal(altered)


def test_a_changed_letter_is_found():
    sealed = seal("x")

    with pytest.raises(Unreadable):
        unseal(sealed[:30] + ("A" if sealed[30] != "A" else "B") + sealed[31:])
