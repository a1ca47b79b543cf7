from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from labeling.runtime import places
from labeling.runtime.errors import StartError
from labeling.runtime.places import Account, can_reach, make_folder, make_private_folder, socket_folder

STRANGER = Account("stranger", 54321, (54321,))


@pytest.mark.parametrize(("mode", "reached"), [(0o701, True), (0o711, True), (0o700, False), (0o710, False)])
def test_an_account_reaches_what_every_folder_above_lets_it_pass_to(new_folder, mode, reached):
    above = new_folder.parent
    above.mkdir()
    above.chmod(mode)

    assert can_reach(new_folder, STRANGER) is reached
    assert can_reach(new_folder / "not" / "made" / "yet", STRANGER) is reached


def test_the_owner_and_the_group_have_rights_of_their_own(new_folder):
    above = new_folder.parent
    above.mkdir()
    above.chmod(0o701)  # others may pass, the group may not
    found = above.stat()

    assert can_reach(new_folder, Account("owner", found.st_uid, (found.st_gid,)))
    assert not can_reach(new_folder, Account("member", 54321, (54321, found.st_gid)))


def test_a_socket_path_has_room_for_its_final_zero():
    longest = Path("/" + "x" * (103 - len("//socket/.s.PGSQL.5432")))
    longer = Path(f"{longest}x")

    assert socket_folder(longest) == longest / "socket"
    assert socket_folder(longer).parent == Path("/tmp")
    assert socket_folder(longer) != socket_folder(Path(f"{longer}x"))


@pytest.mark.parametrize("name", ["a,b", 'a"b', "a\\b"])
def test_a_path_that_libpq_would_take_apart_is_not_used_for_the_socket(name):
    assert socket_folder(Path("/data") / name).parent == Path("/tmp")


@pytest.mark.skipif(os.geteuid() != 0, reason="about what root has to take care of")
def test_a_strict_umask_does_not_close_the_way_to_folders_made_here(new_folder):
    before = os.umask(0o077)

    make_folder(new_folder)

    os.umask(before)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (new_folder, new_folder.parent)]
    assert modes == [0o711, 0o711]


def test_folders_that_exist_keep_their_rights(tmp_path):
    tmp_path.chmod(0o750)

    make_folder(tmp_path / "new")

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750


def test_a_private_folder_is_closed_again(tmp_path):
    folder = tmp_path / "socket"
    folder.mkdir(mode=0o755)

    make_private_folder(folder, places.account_of(os.geteuid()))

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_under_a_file_cannot_be_made_and_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(StartError, match=rf"The folder {tmp_path}/file/data cannot be made .* DATA_DIR"):
        make_folder(tmp_path / "file" / "data")
