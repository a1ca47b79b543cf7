from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from labeling.runtime.errors import StartError
from labeling.runtime.locks import FileLock

ROOT = Path(__file__).resolve().parents[3]
TAKER = """
import sys
from pathlib import Path
from labeling.runtime.locks import FileLock
lock = FileLock(Path(sys.argv[1]))
lock.take_alone()
lock.write("it is mine")
print("taken", flush=True)
sys.stdin.readline()
"""


def test_a_lock_ends_with_its_holder(tmp_path):
    path = tmp_path / "lock"
    mine = FileLock(path)
    with subprocess.Popen(
        [sys.executable, "-c", TAKER, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as taker:
        assert taker.stdout is not None
        assert taker.stdout.readline() == "taken\n"

        while_held = mine.take_alone(wait=False)
        word = mine.read()
        taker.kill()
        taker.wait()
        after_death = mine.take_alone(wait=False)

    mine.release()
    assert not while_held
    assert word == "it is mine"
    assert after_death


def test_a_sharer_becomes_the_only_one_when_the_others_left(tmp_path):
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    first.share()
    second.share()

    together = first.take_alone(wait=False)
    second.release()
    alone = first.take_alone(wait=False)

    first.release()
    assert (together, alone) == (False, True)


def test_a_link_is_not_followed(tmp_path):
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "lock").symlink_to(target)

    with pytest.raises(StartError, match="cannot be written"):
        FileLock(tmp_path / "lock")

    assert target.read_text() == "precious"
