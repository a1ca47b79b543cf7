from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labeling.runtime.processes import command_line, is_alive, is_server_of, orphans_of

# /bin/cat under a command line of our choice; it waits on its standard input, which "-" names.
PRETENDER = "import os, sys; os.execv('/bin/cat', sys.argv[1:])"


@pytest.mark.parametrize(
    ("name", "believed"),
    [
        ("/programs here/postgres -D /a folder/cluster", True),
        ("/programs here/postgres -D /a folder/cluster2", False),
        ("/programs here/postgres -D /another/a folder/cluster", False),
        ("/usr/bin/vi -D /a folder/cluster", False),
        ("/usr/bin/postgres", False),
    ],
)
def test_only_a_postmaster_of_this_cluster_is_believed(name, believed, eventually):
    with subprocess.Popen([sys.executable, "-c", PRETENDER, name, "-"], stdin=subprocess.PIPE) as process:
        assert eventually(lambda: command_line(process.pid) == f"{name} -")

        answer = is_server_of(process.pid, Path("/a folder/cluster"))

        process.kill()
    assert answer is believed


def test_a_process_that_nobody_collected_yet_is_dead(eventually):
    child = os.posix_spawn("/bin/true", ["true"], {})

    became_zombie = eventually(lambda: "\nState:\tZ" in Path(f"/proc/{child}/status").read_text())
    alive, words = is_alive(child), command_line(child)

    os.waitpid(child, 0)
    assert became_zombie
    assert (alive, words) == (False, "")
    assert is_alive(os.getpid())


def test_a_process_that_works_in_the_folder_and_is_no_server_is_no_orphan(tmp_path):
    with subprocess.Popen(["sleep", "60"], cwd=tmp_path) as neighbour:
        found = orphans_of(tmp_path)

        neighbour.kill()
    assert found == []
