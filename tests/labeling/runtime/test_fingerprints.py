from __future__ import annotations

import os

from labeling.runtime.fingerprints import fingerprint, is_done, mark_done


def test_a_step_is_done_again_when_a_file_changed_came_or_went(tmp_path):
    first, second = tmp_path / "a.css", tmp_path / "b.css"
    first.write_text("a")
    second.write_text("b")
    note = tmp_path / "note"
    mark_done(note, fingerprint([first, second]))

    unchanged = is_done(note, fingerprint([second, first]))
    one_went = is_done(note, fingerprint([first]))
    os.utime(first, ns=(1, 1))
    one_changed = is_done(note, fingerprint([first, second]))

    assert (unchanged, one_went, one_changed) == (True, False, False)


def test_a_step_that_was_never_done_is_not_done(tmp_path):
    assert not is_done(tmp_path / "note", fingerprint([]))
